#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// The arguments and defaults of Lion's usual Python package; torch has no Lion. `maximize` and `foreach` are ours, as other optimizers
/// have them.
struct LionOptions {
  double lr = 1e-4;
  std::array<double, 2> betas = {0.9, 0.99};
  double weight_decay = 0;
  bool maximize = false;
  std::optional<bool> foreach = std::nullopt;
};
template <class V>
void fields(V&& f, LionOptions& o) {
  f("lr", o.lr, "length of an update in each direction: a third to a tenth of AdamW's");
  f("betas", o.betas, "how much of the mean the update holds, and decay of the mean");
  f("weight_decay", o.weight_decay, "how much the parameters shrink per step, times lr");
  f("maximize", o.maximize, "go up the gradient instead of down");
  f("foreach", o.foreach, "use `_foreach_` operators on the CPU too, where a kernel of our own is faster");
}
LEVIN_API void check(const LionOptions& options);

/// Lion ("Symbolic Discovery of Optimization Algorithms", 2023): each step goes `lr` along the sign of a mean of gradients. State:
/// `exp_avg`. On the CPU a kernel of our own, on other devices `_foreach_` operators.
class LEVIN_API Lion : public OptimizerWith<LionOptions> {
 public:
  explicit Lion(std::vector<at::Tensor> params, Options options = {});
  explicit Lion(const std::vector<ParamGroup>& groups, Options options = {});
  ~Lion() override;
  const char* class_name() const override { return "Lion"; }

 protected:
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// `optim::lion(parameters(), {.lr = 1e-4, .weight_decay = 0.1})`
LEVIN_API std::shared_ptr<Lion> lion(std::vector<at::Tensor> params, LionOptions options = {});
LEVIN_API std::shared_ptr<Lion> lion(const std::vector<ParamGroup>& groups, LionOptions options = {});

}  // namespace levin::optim
