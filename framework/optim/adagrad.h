#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.Adagrad`'s arguments and defaults. The flags for Python: see SGDOptions.
struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  std::optional<bool> foreach = std::nullopt;
  bool maximize = false;
  bool differentiable = false;
  std::optional<bool> fused = std::nullopt;
};
template <class V>
void fields(V&& f, AdagradOptions& o) {
  f("lr", o.lr, "learning rate");
  f("lr_decay", o.lr_decay, "how fast the rate falls: it is divided by 1 + (step - 1) * lr_decay");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("initial_accumulator_value", o.initial_accumulator_value, "where the sum of squares starts");
  f("eps", o.eps, "added to the denominator");
  f("foreach", o.foreach, "for Python; no effect here");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("differentiable", o.differentiable, "for Python; only false");
  f("fused", o.fused, "for Python; always the fused kernel here");
}
LEVIN_API void check(const AdagradOptions& options);

/// Adagrad. State: `step` and `sum`, of all parameters from the start.
class LEVIN_API Adagrad : public OptimizerWith<AdagradOptions> {
 public:
  explicit Adagrad(std::vector<at::Tensor> params, Options options = {});
  explicit Adagrad(const std::vector<ParamGroup>& groups, Options options = {});
  ~Adagrad() override;
  const char* class_name() const override { return "Adagrad"; }
  bool step_supports_amp_scaling() const override { return true; }
  bool takes_tensor_lr() const override { return true; }

 protected:
  double initial_value(std::size_t group, std::size_t column) const override;
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
  void groups_changed() override;
};

/// `optim::adagrad(parameters(), {.lr = 0.1})`
LEVIN_API std::shared_ptr<Adagrad> adagrad(std::vector<at::Tensor> params, AdagradOptions options = {});
LEVIN_API std::shared_ptr<Adagrad> adagrad(const std::vector<ParamGroup>& groups, AdagradOptions options = {});

}  // namespace levin::optim
