#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// torch.optim.SGD's arguments.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
};
template <class V>
void fields(V&& f, SGDOptions& o) {
  f("lr", o.lr, "learning rate");
  f("momentum", o.momentum, "momentum factor");
  f("dampening", o.dampening, "dampening of the momentum");
  f("weight_decay", o.weight_decay, "L2 penalty");
  f("nesterov", o.nesterov, "Nesterov momentum");
  f("maximize", o.maximize, "go up the gradient rather than down");
}

/// Stochastic gradient descent on the fused kernel; torch.optim.SGD's numbers.
class LEVIN_API SGD final : public Optimizer {
 public:
  using Options = SGDOptions;
  SGD(std::vector<ParamGroup> groups, const Options& options);
  const char* class_name() const override { return "SGD"; }

 protected:
  void update(std::size_t group, const std::vector<std::size_t>& present) override;
  Value group_settings(const GroupOptions& options) const override;
  void load_group_settings(GroupOptions& options, const Value& settings) const override;
  Value param_state(std::size_t group, std::size_t index) const override;
  void load_param_state(std::size_t group, std::size_t index, const Value& state) override;

 private:
  void step_some(std::size_t group, const std::vector<std::size_t>& which, bool first_step);
  std::vector<std::size_t> some_;
  std::vector<std::vector<at::Tensor>> momentum_buffers_;  // per group and parameter; undefined before its first step
  std::vector<at::Tensor> params_, grads_, buffers_;       // this step's lists
};

/// ValueError in torch's words for a bad option, such as "Invalid learning rate: -1.0".
LEVIN_API std::shared_ptr<SGD> sgd(std::vector<at::Tensor> params, const SGDOptions& options = {});
LEVIN_API std::shared_ptr<SGD> sgd(std::vector<ParamGroup> groups, const SGDOptions& options = {});

}  // namespace levin::optim
