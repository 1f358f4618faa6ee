#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// Counts the FLOPs of the operators that this thread runs while it lives: torch's FlopCounterMode. Counted are matrix products,
/// convolutions and attention, forward and backward, two for each multiplication with its addition; everything else is free.
///
/// They nest: the inner one counts, then the outer one goes on.
class LEVIN_API FlopCounter {
 public:
  /// Is told each counted operator's tensors and FLOPs.
  using Listener = std::function<void(const std::vector<at::Tensor>& inputs, std::int64_t flops)>;
  explicit FlopCounter(Listener listener = {});
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;

  std::int64_t total() const { return total_; }

 private:
  struct Call;
  struct Hooks;
  Listener listener_;
  std::int64_t total_ = 0;
  bool inside_ = false;  // an operator that is counted; what it calls is its own
  std::uint64_t handle_ = 0;
  FlopCounter* outer_;
};

/// The FLOPs of one forward pass; with `loss_fn` also of the backward pass from the loss that it makes of what `forward_fn` returned. For
/// ThroughputMonitor's `flops_per_batch`; Lightning's `measure_flops`.
LEVIN_API std::int64_t measure_flops(const std::function<at::Tensor()>& forward_fn,
                                     const std::function<at::Tensor(const at::Tensor&)>& loss_fn = {});

}  // namespace levin
