#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.Adadelta`'s arguments and defaults. The flags for Python: see SGDOptions.
struct AdadeltaOptions {
  double lr = 1.0;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
  std::optional<bool> foreach = std::nullopt;
  bool capturable = false;
  bool maximize = false;
  bool differentiable = false;
};
template <class V>
void fields(V&& f, AdadeltaOptions& o) {
  f("lr", o.lr, "factor of the update");
  f("rho", o.rho, "decay of the running means of squares");
  f("eps", o.eps, "added under the roots");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("foreach", o.foreach, "use `_foreach_` operators on the CPU too, where a kernel of our own is faster");
  f("capturable", o.capturable, "count steps on the parameters' device, as a captured CUDA graph needs it");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("differentiable", o.differentiable, "for Python; only false");
}
LEVIN_API void check(const AdadeltaOptions& options);

/// Adadelta. State: `step`, `square_avg`, `acc_delta`. On the CPU a kernel of our own, on other devices `_foreach_` operators.
class LEVIN_API Adadelta : public OptimizerWith<AdadeltaOptions> {
 public:
  explicit Adadelta(std::vector<at::Tensor> params, Options options = {});
  explicit Adadelta(const std::vector<ParamGroup>& groups, Options options = {});
  ~Adadelta() override;
  const char* class_name() const override { return "Adadelta"; }

 protected:
  bool steps_on_device(std::size_t group) const override { return options(group).capturable; }
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// `optim::adadelta(parameters())`
LEVIN_API std::shared_ptr<Adadelta> adadelta(std::vector<at::Tensor> params, AdadeltaOptions options = {});
LEVIN_API std::shared_ptr<Adadelta> adadelta(const std::vector<ParamGroup>& groups, AdadeltaOptions options = {});

}  // namespace levin::optim
