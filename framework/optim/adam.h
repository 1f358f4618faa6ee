#pragma once
#include <array>
#include <memory>
#include <vector>

#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// torch.optim.Adam's arguments.
struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
  bool maximize = false;
};
template <class V>
void fields(V&& f, AdamOptions& o) {
  f("lr", o.lr, "learning rate");
  f("betas", o.betas, "decay rates of the gradient's running mean and mean square");
  f("eps", o.eps, "added to the denominator");
  f("weight_decay", o.weight_decay, "L2 penalty");
  f("amsgrad", o.amsgrad, "the AMSGrad variant");
  f("maximize", o.maximize, "go up the gradient rather than down");
}

/// Adam and AdamW on their fused kernels; torch's numbers.
class LEVIN_API Adam : public Optimizer {
 public:
  using Options = AdamOptions;
  Adam(std::vector<ParamGroup> groups, const Options& options, bool decoupled_weight_decay = false);
  const char* class_name() const override { return decoupled_ ? "AdamW" : "Adam"; }

 protected:
  void update(std::size_t group, const std::vector<std::size_t>& present) override;
  Value group_settings(const GroupOptions& options) const override;
  void load_group_settings(GroupOptions& options, const Value& settings) const override;
  Value param_state(std::size_t group, std::size_t index) const override;
  void load_param_state(std::size_t group, std::size_t index, const Value& state) override;

 private:
  struct State {
    at::Tensor step, exp_avg, exp_avg_sq, max_exp_avg_sq;  // undefined before the first step
  };
  bool decoupled_;
  std::vector<std::vector<State>> states_;  // per group and parameter
  std::vector<at::Tensor> params_, grads_, exp_avgs_, exp_avg_sqs_, max_exp_avg_sqs_, steps_;  // this step's lists
};

/// ValueError in torch's words for a bad option, such as "Invalid beta parameter at index 0: 1.5".
LEVIN_API std::shared_ptr<Adam> adam(std::vector<at::Tensor> params, const AdamOptions& options = {});
LEVIN_API std::shared_ptr<Adam> adam(std::vector<ParamGroup> groups, const AdamOptions& options = {});

}  // namespace levin::optim
