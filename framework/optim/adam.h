#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.Adam`'s arguments and defaults. The flags for Python: see SGDOptions.
struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
  std::optional<bool> foreach = std::nullopt;
  bool maximize = false;
  bool capturable = false;
  bool differentiable = false;
  std::optional<bool> fused = std::nullopt;
  bool decoupled_weight_decay = false;
};
/// `torch.optim.AdamW`'s arguments and defaults.
struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
  std::optional<bool> foreach = std::nullopt;
  bool capturable = false;
  bool differentiable = false;
  std::optional<bool> fused = std::nullopt;
};
template <class V>
void fields(V&& f, AdamOptions& o) {
  f("lr", o.lr, "learning rate");
  f("betas", o.betas, "decay of the running means of the gradient and its square");
  f("eps", o.eps, "added to the denominator");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("amsgrad", o.amsgrad, "divide by the largest mean of squares so far");
  f("foreach", o.foreach, "for Python; no effect here");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("capturable", o.capturable, "for Python; steps are always counted on the parameters' device here");
  f("differentiable", o.differentiable, "for Python; only false");
  f("fused", o.fused, "for Python; always the fused kernel here");
  f("decoupled_weight_decay", o.decoupled_weight_decay, "shrink the parameters instead of adding to the gradient (AdamW)");
}
template <class V>
void fields(V&& f, AdamWOptions& o) {
  f("lr", o.lr, "learning rate");
  f("betas", o.betas, "decay of the running means of the gradient and its square");
  f("eps", o.eps, "added to the denominator");
  f("weight_decay", o.weight_decay, "how much the parameters shrink per step, times lr");
  f("amsgrad", o.amsgrad, "divide by the largest mean of squares so far");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("foreach", o.foreach, "for Python; no effect here");
  f("capturable", o.capturable, "for Python; steps are always counted on the parameters' device here");
  f("differentiable", o.differentiable, "for Python; only false");
  f("fused", o.fused, "for Python; always the fused kernel here");
}
LEVIN_API void check(const AdamOptions& options);

/// Adam. State: `step`, `exp_avg`, `exp_avg_sq` and, with amsgrad, `max_exp_avg_sq`.
class LEVIN_API Adam : public OptimizerWith<AdamOptions> {
 public:
  explicit Adam(std::vector<at::Tensor> params, Options options = {});
  explicit Adam(const std::vector<ParamGroup>& groups, Options options = {});
  ~Adam() override;
  const char* class_name() const override { return "Adam"; }
  bool step_supports_amp_scaling() const override { return true; }
  bool takes_tensor_lr() const override { return true; }

 protected:
  bool uses(std::size_t group, std::size_t column) const override;
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// Adam with decoupled weight decay.
class LEVIN_API AdamW : public Adam {
 public:
  using Options = AdamWOptions;
  explicit AdamW(std::vector<at::Tensor> params, Options options = {});
  explicit AdamW(const std::vector<ParamGroup>& groups, Options options = {});
  ~AdamW() override;
  const char* class_name() const override { return "AdamW"; }

 protected:
  void read_group(std::size_t group, const Dict& in) override;
};

/// `optim::adamw(parameters(), {.lr = 3e-4})`, or with groups:
/// `optim::adamw({{.params = a}, {.params = b, .lr = 1e-5}}, {.weight_decay = 0.1})`
LEVIN_API std::shared_ptr<Adam> adam(std::vector<at::Tensor> params, AdamOptions options = {});
LEVIN_API std::shared_ptr<Adam> adam(const std::vector<ParamGroup>& groups, AdamOptions options = {});
LEVIN_API std::shared_ptr<AdamW> adamw(std::vector<at::Tensor> params, AdamWOptions options = {});
LEVIN_API std::shared_ptr<AdamW> adamw(const std::vector<ParamGroup>& groups, AdamWOptions options = {});

}  // namespace levin::optim
