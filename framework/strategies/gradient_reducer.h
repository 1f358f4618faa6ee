#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace levin {

class ProcessGroup;

/// What DistributedDataParallel is told, under its names and with its defaults.
struct GradientReducerOptions {
  bool find_unused_parameters = false;
  bool static_graph = false;
  bool gradient_as_bucket_view = false;
  double bucket_cap_mb = 25;
  /// "fp16_compress", "bf16_compress", "allreduce"; none: what is fastest.
  std::optional<std::string> comm_hook;
};

/// Averages gradients over the ranks while backward computes them: c10d's Reducer, whose face changes from one LibTorch to the next,
/// behind ours. A backward that was not announced by `prepare_for_backward` keeps its gradients to itself, and they go along with the
/// next that is.
///
/// One number travels with the gradients at no cost: whether this rank wants all of them to stop.
class GradientReducer {
 public:
  using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;
  /// `parameters` are those that require gradients, in the same order on all ranks.
  GradientReducer(const ProcessGroup& group, const NamedParameters& parameters, const GradientReducerOptions& options);
  ~GradientReducer();

  /// Before the forward pass of a batch whose gradients will be averaged.
  void prepare_for_forward();
  /// After it. The result, which is the loss, is what backward must be called on; `stop` goes along.
  at::Tensor prepare_for_backward(const at::Tensor& loss, bool stop);
  /// After backward: whether any rank said `stop`.
  bool take_stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace levin
