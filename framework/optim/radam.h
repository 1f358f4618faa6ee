#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.RAdam`'s arguments and defaults. The flags for Python: see SGDOptions.
struct RAdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;
  std::optional<bool> foreach = std::nullopt;
  bool maximize = false;
  bool capturable = false;
  bool differentiable = false;
};
template <class V>
void fields(V&& f, RAdamOptions& o) {
  f("lr", o.lr, "learning rate");
  f("betas", o.betas, "decay of the running means of the gradient and its square");
  f("eps", o.eps, "added to the denominator");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("decoupled_weight_decay", o.decoupled_weight_decay, "shrink the parameters instead of adding to the gradient (as AdamW)");
  f("foreach", o.foreach, "use `_foreach_` operators on the CPU too, where a kernel of our own is faster");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("capturable", o.capturable, "for Python; the update is computed with steps on the host here, which no CUDA graph can hold");
  f("differentiable", o.differentiable, "for Python; only false");
}
LEVIN_API void check(const RAdamOptions& options);

/// Adam with a rectified adaptive rate, which needs no warm-up. State: `step`, `exp_avg`, `exp_avg_sq`. On the CPU a kernel of our own,
/// on other devices `_foreach_` operators.
class LEVIN_API RAdam : public OptimizerWith<RAdamOptions> {
 public:
  explicit RAdam(std::vector<at::Tensor> params, Options options = {});
  explicit RAdam(const std::vector<ParamGroup>& groups, Options options = {});
  ~RAdam() override;
  const char* class_name() const override { return "RAdam"; }

 protected:
  bool steps_on_device(std::size_t) const override { return false; }
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// `optim::radam(parameters(), {.lr = 1e-3})`
LEVIN_API std::shared_ptr<RAdam> radam(std::vector<at::Tensor> params, RAdamOptions options = {});
LEVIN_API std::shared_ptr<RAdam> radam(const std::vector<ParamGroup>& groups, RAdamOptions options = {});

}  // namespace levin::optim
