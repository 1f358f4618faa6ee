#pragma once
#include "levin/framework/module/trainer_link.h"
#include "levin/framework/optim/optimizer.h"

namespace levin {

/// The optimizer as hooks and manual optimization get it: its `step` goes through strategy and precision and is counted in
/// `global_step`. Cheap to copy; valid during the run.
class LEVIN_API LightningOptimizer {
 public:
  LightningOptimizer(TrainerLink& link, optim::Optimizer& optimizer) : link_(&link), optimizer_(&optimizer) {}

  /// Calls the closure (if given), the `on_before_optimizer_step` hooks, clips, and steps. Returns the closure's loss.
  at::Tensor step(const Closure& closure = {}) { return link_->step_optimizer(*optimizer_, closure); }
  void zero_grad(bool set_to_none = true) { optimizer_->zero_grad(set_to_none); }
  optim::Optimizer& optimizer() { return *optimizer_; }
  operator optim::Optimizer&() { return *optimizer_; }

 private:
  TrainerLink* link_;
  optim::Optimizer* optimizer_;
};

}  // namespace levin
