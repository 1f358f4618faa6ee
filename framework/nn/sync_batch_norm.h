#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>

#include "levin/framework/base/export.h"

namespace levin {

class ProcessGroup;

namespace nn {

/// In torch's order, after `num_features`.
struct SyncBatchNormOptions {
  double eps = 1e-5;
  /// none: a plain mean over all batches.
  std::optional<double> momentum = 0.1;
  bool affine = true;
  bool track_running_stats = true;
};

/// Batch normalisation over the batches of all ranks: torch's SyncBatchNorm, for inputs [N, C, ...], also on the CPU. While it trains with
/// `strategy="ddp"` mean and variance are those of all ranks' samples together; otherwise, and in eval mode, it is a BatchNorm.
///
/// LibTorch's BatchNorm1d to 3d can't be turned into it as Python's can (`convert_sync_batchnorm`); write it in their place. Names and
/// values in `state_dict` are the same.
class LEVIN_API SyncBatchNormImpl final : public torch::nn::Module {
 public:
  explicit SyncBatchNormImpl(std::int64_t num_features, SyncBatchNormOptions options = {});
  at::Tensor forward(const at::Tensor& input);
  void pretty_print(std::ostream& stream) const override;
  /// How much a new batch counts in the running statistics; none: all alike.
  std::optional<double>& momentum() { return options_.momentum; }
  /// Mean 0, variance 1, no batch seen.
  void reset_running_stats();

  /// Used by the strategy: whose samples count besides this rank's; null: nobody's.
  void share_statistics(ProcessGroup* group) { group_ = group; }

  at::Tensor weight, bias, running_mean, running_var, num_batches_tracked;

 private:
  double momentum_now();
  void track(const at::Tensor& mean, const at::Tensor& var, const at::Tensor& count);
  std::int64_t num_features_;
  SyncBatchNormOptions options_;
  ProcessGroup* group_ = nullptr;
};
TORCH_MODULE(SyncBatchNorm);

/// What `Trainer(sync_batchnorm=true)` asks: MisconfigurationException, with their names, if there are BatchNorm layers of LibTorch's.
LEVIN_API void check_sync_batchnorm(const torch::nn::Module& module);

}  // namespace nn
}  // namespace levin
