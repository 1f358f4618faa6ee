#pragma once
#include <unordered_map>

#include "levin/framework/strategies/ddp_strategy.h"

namespace levin {

/// DDP with ZeRO's first stage: each rank keeps the optimizer's state (Adam's two moments) of its share of the parameters only, updates
/// those, and sends them to the others. With N ranks a rank holds an N-th of the state.
///
/// A checkpoint has the whole state, as one process would have it, so any number of ranks, and any other strategy, resumes from it; to save
/// one, the ranks send theirs to rank 0. For optimizers that update each parameter by itself: LBFGS is a MisconfigurationException.
class LEVIN_API DDPZero1Strategy final : public DDPStrategy {
 public:
  using DDPStrategy::DDPStrategy;

  at::Tensor optimizer_step(Precision& precision, optim::Optimizer& optimizer, const Closure& closure,
                            const std::function<void()>& gradients_ready) override;
  /// CheckpointError when this rank's error has parted it from the others, who have the rest of the state.
  Value optimizer_state(const optim::Optimizer& optimizer) override;
  void load_optimizer_state(optim::Optimizer& optimizer, const Value& state) override;

 private:
  /// The rank of each parameter, in the optimizer's numbering: largest first, each to the rank that has least.
  const std::vector<int>& owners(const optim::Optimizer& optimizer);
  std::unordered_map<const optim::Optimizer*, std::vector<int>> owners_;
};

}  // namespace levin
