#include "levin/framework/strategies/ddp_zero1_strategy.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <numeric>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/optimizer.h"
#include "levin/framework/precision/precision.h"
#include "levin/framework/strategies/process_group.h"

namespace levin {
namespace {

std::vector<at::Tensor> parameters_of(const optim::Optimizer& optimizer) {
  std::vector<at::Tensor> out;
  for (const auto& group : optimizer.param_groups()) out.insert(out.end(), group.params().begin(), group.params().end());
  return out;
}

/// Takes the gradients of others' parameters away, so that the optimizer passes those over and keeps no state for them; puts them back.
class HiddenGradients {
 public:
  void hide(const std::vector<at::Tensor>& parameters, const std::vector<int>& owners, int rank) {
    restore();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      at::Tensor parameter = parameters[i];
      if (owners[i] == rank || !parameter.grad().defined()) continue;
      hidden_.emplace_back(parameter, parameter.grad());
      parameter.mutable_grad().reset();
    }
  }
  ~HiddenGradients() { restore(); }

 private:
  void restore() {
    for (auto& [parameter, gradient] : hidden_) parameter.mutable_grad() = gradient;
    hidden_.clear();
  }
  std::vector<std::pair<at::Tensor, at::Tensor>> hidden_;
};

}  // namespace

const std::vector<int>& DDPZero1Strategy::owners(const optim::Optimizer& optimizer) {
  std::vector<int>& out = owners_[&optimizer];
  const std::vector<at::Tensor> parameters = parameters_of(optimizer);
  if (out.size() == parameters.size()) return out;
  if (std::string_view(optimizer.class_name()) == "LBFGS")
    throw MisconfigurationException("`strategy='ddp_zero1'` shares parameters out among the ranks, and LBFGS needs them together; use `strategy='ddp'`");
  std::vector<std::size_t> order(parameters.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return parameters[a].numel() > parameters[b].numel(); });
  std::vector<std::int64_t> load(static_cast<std::size_t>(world_size()), 0);
  out.assign(parameters.size(), 0);
  for (const std::size_t i : order) {
    const auto least = std::min_element(load.begin(), load.end());
    *least += parameters[i].numel();
    out[i] = static_cast<int>(least - load.begin());
  }
  return out;
}

at::Tensor DDPZero1Strategy::optimizer_step(Precision& precision, optim::Optimizer& optimizer, const Closure& closure,
                            const std::function<void()>& gradients_ready) {
  const std::vector<int>& owner = owners(optimizer);
  const std::vector<at::Tensor> parameters = parameters_of(optimizer);
  at::Tensor loss;
  {
    HiddenGradients others;
    loss = precision.optimizer_step(optimizer, closure, [&] {
      gradients_ready();
      others.hide(parameters, owner, global_rank());
    });
  }
  if (alone() || world_size() == 1) return loss;
  const c10::AutoGradMode no_grad(false);
  std::vector<std::vector<at::Tensor>> of_rank(static_cast<std::size_t>(world_size()));
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].requires_grad()) of_rank[static_cast<std::size_t>(owner[i])].push_back(parameters[i].detach());
  for (int rank = 0; rank < world_size(); ++rank) process_group().broadcast(of_rank[static_cast<std::size_t>(rank)], rank);
  return loss;
}

Value DDPZero1Strategy::optimizer_state(const optim::Optimizer& optimizer) {
  if (left_group() && world_size() > 1) {
    throw CheckpointError("the optimizer's state is spread over " + std::to_string(world_size()) +
                          " ranks by `strategy='ddp_zero1'`, and an error has parted them: no checkpoint can be saved");
  }
  Value own = optimizer.state_dict();
  const std::vector<Value> parts = gather_object(own.at("state"));
  if (parts.size() < 2) return own;
  Dict& states = own["state"].as_dict();
  Dict whole;
  const std::vector<int>& owner = owners(optimizer);
  for (std::size_t i = 0; i < owner.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    if (const Value* state = parts[static_cast<std::size_t>(owner[i])].as_dict().find(Value(index))) whole.set(index, *state);
  }
  states = std::move(whole);
  return own;
}

void DDPZero1Strategy::load_optimizer_state(optim::Optimizer& optimizer, const Value& state) {
  const std::vector<int>& owner = owners(optimizer);
  Value own = Value::dict();
  for (const auto& [key, value] : state.as_dict()) own[key.as_string()] = value;
  Dict kept;
  for (const auto& [key, value] : state.at("state").as_dict()) {
    const auto index = static_cast<std::size_t>(key.as_int());
    if (index >= owner.size() || owner[index] == global_rank()) kept.set(key, value);
  }
  own["state"] = Value(std::move(kept));
  optimizer.load_state_dict(own);
}

}  // namespace levin
