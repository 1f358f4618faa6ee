#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.RMSprop`'s arguments and defaults. The flags for Python: see SGDOptions.
struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  bool capturable = false;
  std::optional<bool> foreach = std::nullopt;
  bool maximize = false;
  bool differentiable = false;
};
template <class V>
void fields(V&& f, RMSpropOptions& o) {
  f("lr", o.lr, "learning rate");
  f("alpha", o.alpha, "decay of the running mean of the squared gradient");
  f("eps", o.eps, "added to the denominator");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("momentum", o.momentum, "part of the last update that the next one keeps");
  f("centered", o.centered, "divide by the gradient's running deviation instead of its root mean square");
  f("capturable", o.capturable, "count steps on the parameters' device, as a captured CUDA graph needs it");
  f("foreach", o.foreach, "use `_foreach_` operators on the CPU too, where a kernel of our own is faster");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("differentiable", o.differentiable, "for Python; only false");
}
LEVIN_API void check(const RMSpropOptions& options);

/// RMSprop. State: `step`, `square_avg`, with momentum `momentum_buffer`, if centered `grad_avg`. On the CPU a kernel of our own, on
/// other devices `_foreach_` operators.
class LEVIN_API RMSprop : public OptimizerWith<RMSpropOptions> {
 public:
  explicit RMSprop(std::vector<at::Tensor> params, Options options = {});
  explicit RMSprop(const std::vector<ParamGroup>& groups, Options options = {});
  ~RMSprop() override;
  const char* class_name() const override { return "RMSprop"; }

 protected:
  bool uses(std::size_t group, std::size_t column) const override;
  bool steps_on_device(std::size_t group) const override { return options(group).capturable; }
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// `optim::rmsprop(parameters(), {.lr = 1e-3, .momentum = 0.9})`
LEVIN_API std::shared_ptr<RMSprop> rmsprop(std::vector<at::Tensor> params, RMSpropOptions options = {});
LEVIN_API std::shared_ptr<RMSprop> rmsprop(const std::vector<ParamGroup>& groups, RMSpropOptions options = {});

}  // namespace levin::optim
