#pragma once
#include "levin/framework/optim/fused_optimizer.h"

/// What the updates by `_foreach_` operators share: one launch for many parameters on a GPU.
namespace levin::optim {

/// Whether a bucket is updated by them: on other devices than the CPU, or where `foreach = true` asks for it.
inline bool wants_foreach(const FusedBucket& bucket, const std::optional<bool>& foreach) {
  return !bucket.on_cpu() || foreach.value_or(false);
}

/// The gradients with their sign and the L2 penalty; those of the bucket themselves where neither changes them.
std::vector<at::Tensor> decayed_gradients(const FusedBucket& bucket, bool maximize, double weight_decay);

/// The numbers of a column that is kept on the host.
inline double host_number(const at::Tensor& scalar) { return *scalar.const_data_ptr<float>(); }

}  // namespace levin::optim
