#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.SGD`'s arguments and defaults.
///
/// Here and in the other optimizers `foreach`, `fused`, `capturable` and `differentiable` choose between implementations in Python.
/// They are kept for it, in the state too; what they do here stands beside them, and `differentiable = true` is a ValueError.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
  std::optional<bool> foreach = std::nullopt;
  bool differentiable = false;
  std::optional<bool> fused = std::nullopt;
};
template <class V>
void fields(V&& f, SGDOptions& o) {
  f("lr", o.lr, "learning rate");
  f("momentum", o.momentum, "part of the last update that the next one keeps");
  f("dampening", o.dampening, "part of the gradient that does not enter the momentum");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("nesterov", o.nesterov, "Nesterov momentum");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("foreach", o.foreach, "for Python; no effect here");
  f("differentiable", o.differentiable, "for Python; only false");
  f("fused", o.fused, "for Python; always the fused kernel here");
}
/// ValueError, in torch's words, for options out of range; so for all optimizers.
LEVIN_API void check(const SGDOptions& options);

/// Stochastic gradient descent. State: `momentum_buffer`, only with momentum.
class LEVIN_API SGD : public OptimizerWith<SGDOptions> {
 public:
  explicit SGD(std::vector<at::Tensor> params, Options options = {});
  explicit SGD(const std::vector<ParamGroup>& groups, Options options = {});
  ~SGD() override;
  const char* class_name() const override { return "SGD"; }
  bool step_supports_amp_scaling() const override { return true; }
  bool takes_tensor_lr() const override { return true; }

 protected:
  bool uses(std::size_t group, std::size_t column) const override;
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// `optim::sgd(parameters(), {.lr = 0.1, .momentum = 0.9})`
LEVIN_API std::shared_ptr<SGD> sgd(std::vector<at::Tensor> params, SGDOptions options = {});
LEVIN_API std::shared_ptr<SGD> sgd(const std::vector<ParamGroup>& groups, SGDOptions options = {});

}  // namespace levin::optim
