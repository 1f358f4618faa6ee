#include "levin/framework/optim/foreach_kernel.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_neg.h>

namespace levin::optim {

std::vector<at::Tensor> decayed_gradients(const FusedBucket& bucket, bool maximize, double weight_decay) {
  if (!maximize) return weight_decay == 0 ? bucket.gradients : at::_foreach_add(bucket.gradients, bucket.parameters, weight_decay);
  std::vector<at::Tensor> out = at::_foreach_neg(bucket.gradients);
  if (weight_decay != 0) at::_foreach_add_(out, bucket.parameters, weight_decay);
  return out;
}

}  // namespace levin::optim
