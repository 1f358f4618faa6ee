#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.NAdam`'s arguments and defaults. The flags for Python: see SGDOptions.
struct NAdamOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;
  std::optional<bool> foreach = std::nullopt;
  bool maximize = false;
  bool capturable = false;
  bool differentiable = false;
};
template <class V>
void fields(V&& f, NAdamOptions& o) {
  f("lr", o.lr, "learning rate");
  f("betas", o.betas, "decay of the running means of the gradient and its square");
  f("eps", o.eps, "added to the denominator");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("momentum_decay", o.momentum_decay, "how fast the momentum comes to its full size");
  f("decoupled_weight_decay", o.decoupled_weight_decay, "shrink the parameters instead of adding to the gradient (as AdamW)");
  f("foreach", o.foreach, "use `_foreach_` operators on the CPU too, where a kernel of our own is faster");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("capturable", o.capturable, "for Python; the update is computed with steps on the host here, which no CUDA graph can hold");
  f("differentiable", o.differentiable, "for Python; only false");
}
LEVIN_API void check(const NAdamOptions& options);

/// Adam with Nesterov momentum. State: `step`, `mu_product`, `exp_avg`, `exp_avg_sq`. On the CPU a kernel of our own, on other devices
/// `_foreach_` operators.
class LEVIN_API NAdam : public OptimizerWith<NAdamOptions> {
 public:
  explicit NAdam(std::vector<at::Tensor> params, Options options = {});
  explicit NAdam(const std::vector<ParamGroup>& groups, Options options = {});
  ~NAdam() override;
  const char* class_name() const override { return "NAdam"; }

 protected:
  bool steps_on_device(std::size_t) const override { return false; }
  double initial_value(std::size_t group, std::size_t column) const override;
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// `optim::nadam(parameters(), {.lr = 1e-3})`
LEVIN_API std::shared_ptr<NAdam> nadam(std::vector<at::Tensor> params, NAdamOptions options = {});
LEVIN_API std::shared_ptr<NAdam> nadam(const std::vector<ParamGroup>& groups, NAdamOptions options = {});

}  // namespace levin::optim
