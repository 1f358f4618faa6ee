#include "levin/framework/optim/optimizer.h"

#include <c10/core/GradMode.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/tensors/tensors.h"

namespace levin::optim {

Optimizer::Optimizer(std::vector<torch::optim::OptimizerParamGroup> groups, std::unique_ptr<GroupOptions> defaults)
    : torch::optim::Optimizer(std::move(groups), std::move(defaults)) {
  std::size_t total = 0;
  for (const auto& group : param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (!parameter.is_leaf()) throw ValueError("can't optimize a non-leaf Tensor");
      ++total;
    }
  }
  if (total == 0) throw ValueError("optimizer got an empty parameter list");
}

Optimizer::~Optimizer() = default;

GroupOptions& Optimizer::options(std::size_t group) const {
  return static_cast<GroupOptions&>(const_cast<Optimizer*>(this)->param_groups()[group].options());
}

at::Tensor Optimizer::step(LossClosure closure) {
  at::Tensor loss;
  if (closure) {
    const c10::AutoGradMode grad_mode(true);
    loss = closure();
  }
  const c10::AutoGradMode no_grad(false);
  for (std::size_t g = 0; g < group_count(); ++g) {
    present_.clear();
    const auto& parameters = params(g);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].grad().defined()) present_.push_back(i);
    if (!present_.empty()) update(g, present_);
  }
  return loss;
}

void Optimizer::zero_grad(bool set_to_none) {
  const c10::AutoGradMode no_grad(false);
  for (auto& group : param_groups()) {
    for (at::Tensor& parameter : group.params()) {
      if (!parameter.grad().defined()) continue;
      if (set_to_none) parameter.mutable_grad().reset();
      else parameter.mutable_grad().zero_();
    }
  }
}

Value Optimizer::state_dict() const {
  Value state = Value::dict(), groups = Value::list();
  std::int64_t index = 0;
  for (std::size_t g = 0; g < group_count(); ++g) {
    const GroupOptions& settings = options(g);
    Value group = group_settings(settings), indices = Value::list();
    if (settings.initial_lr) group["initial_lr"] = *settings.initial_lr;
    for (std::size_t i = 0; i < params(g).size(); ++i, ++index) {
      indices.push_back(index);
      Value of_param = param_state(g, i);
      if (of_param.size() > 0) state.as_dict().set(index, std::move(of_param));
    }
    group["params"] = indices;
    groups.push_back(std::move(group));
  }
  return Dict{{"state", state}, {"param_groups", groups}};
}

void Optimizer::load_state_dict(const Value& state) {
  const List& groups = state.at("param_groups").items();
  if (groups.size() != group_count()) throw ValueError("loaded state dict has a different number of parameter groups");
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (groups[g].at("params").size() != params(g).size())
      throw ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group");
  const Dict& states = state.at("state").as_dict();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    GroupOptions& settings = options(g);
    load_group_settings(settings, groups[g]);
    settings.lr = groups[g].at("lr").number();
    if (const Value* initial = groups[g].find("initial_lr")) settings.initial_lr = initial->number();
    const List& indices = groups[g].at("params").items();
    for (std::size_t i = 0; i < indices.size(); ++i)
      if (const Value* saved = states.find(indices[i])) load_param_state(g, i, *saved);
  }
}

at::Tensor Optimizer::like(const at::Tensor& parameter, const Value& saved) {
  return to_tensor(saved.as_tensor(), /*copy=*/true).to(parameter.options().requires_grad(false));
}

}  // namespace levin::optim
