#include "levin/framework/metrics/regression.h"

#include <ATen/TensorOperators.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/classification.h"

namespace levin::metrics {

void check_num_outputs(std::int64_t num_outputs) {
  if (num_outputs < 1) throw ValueError("Expected num_outputs to be a positive integer but got " + std::to_string(num_outputs));
}

at::Tensor differences(const at::Tensor& preds, const at::Tensor& target, std::int64_t num_outputs) {
  check_same_shape(preds, target);
  return num_outputs == 1 ? preds.reshape(-1) - target.reshape(-1) : preds - target;
}

}  // namespace levin::metrics
