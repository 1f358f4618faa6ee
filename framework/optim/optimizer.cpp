#include "levin/framework/optim/optimizer.h"

#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>

#include <unordered_set>

#include "levin/framework/base/errors.h"

namespace levin::optim {

Dict ParamGroup::own_options() const {
  Dict out = options;
  if (lr) out["lr"] = *lr;
  if (weight_decay) out["weight_decay"] = *weight_decay;
  return out;
}

Optimizer::~Optimizer() = default;

void Optimizer::zero_grad(bool set_to_none) {
  const c10::AutoGradMode no_grad(false);
  for (auto& group : param_groups_) {
    for (auto& parameter : group.params()) {
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined()) continue;
      if (set_to_none) {
        gradient.reset();
      } else {
        if (gradient.grad_fn()) gradient = gradient.detach();  // of backward with create_graph
        gradient.zero_();
      }
    }
  }
}

// ---- Groups --------------------------------------------------------------------------------------------------------------------

torch::optim::OptimizerOptions& Optimizer::group_options(std::size_t group) {
  if (group >= param_groups_.size()) {
    throw ValueError(std::string(class_name()) + " has " + std::to_string(param_groups_.size()) +
                     " parameter groups, there is no group " + std::to_string(group));
  }
  return param_groups_[group].options();
}

const torch::optim::OptimizerOptions& Optimizer::group_options(std::size_t group) const {
  return const_cast<Optimizer*>(this)->group_options(group);
}

double Optimizer::lr(std::size_t group) const { return group_options(group).get_lr(); }

void Optimizer::set_lr(std::size_t group, double lr) { group_options(group).set_lr(lr); }

Dict& Optimizer::scheduler_entries(std::size_t group) {
  group_options(group);  // throws for a group that is not there
  if (scheduler_entries_.size() <= group) scheduler_entries_.resize(group + 1);
  return scheduler_entries_[group];
}

const Dict& Optimizer::scheduler_entries(std::size_t group) const {
  static const Dict none{};
  group_options(group);
  return group < scheduler_entries_.size() ? scheduler_entries_[group] : none;
}

std::optional<double> Optimizer::initial_lr(std::size_t group) const {
  const Value* found = scheduler_entries(group).find(std::string_view("initial_lr"));
  return found ? std::optional(found->number()) : std::nullopt;
}

void Optimizer::set_initial_lr(std::size_t group, double lr) { scheduler_entries(group)["initial_lr"] = lr; }

std::optional<std::string> Optimizer::group_name(std::size_t group) const {
  const Value* found = scheduler_entries(group).find(std::string_view("name"));
  return found && found->is_string() ? std::optional(found->as_string()) : std::nullopt;
}

Dict Optimizer::group_dict(std::size_t group) const {
  group_options(group);  // throws for a group that is not there
  Dict out;
  write_group(group, out);
  for (const auto& [key, value] : scheduler_entries(group)) out.set(key, value);
  return out;
}

void Optimizer::add_param_group(const ParamGroup& group) {
  std::vector<ParamGroup> all;
  for (const auto& there : param_groups_) all.push_back({there.params()});
  all.push_back(group);
  auto params = checked_params(all).back();
  const std::size_t added = param_groups_.size();
  param_groups_.emplace_back(std::move(params), defaults_->clone());
  try {
    Dict options = group_dict(added);
    std::vector<std::string> known;
    for (const auto& [key, unused] : options) known.push_back(key.as_string());
    for (const auto& [key, value] : group.own_options()) {
      if (!options.find(key)) throw unknown_key("param_groups[" + std::to_string(added) + "]", key.as_string(), known);
      options.set(key, value);
    }
    if (group.name) options["name"] = *group.name;
    read_group(added, options);
    check_group(added);
  } catch (...) {
    param_groups_.pop_back();
    if (scheduler_entries_.size() > added) scheduler_entries_.pop_back();
    throw;
  }
  groups_changed();
}

void Optimizer::set_param_groups(std::vector<std::pair<Dict, std::vector<at::Tensor>>> groups) {
  std::vector<ParamGroup> all;
  for (const auto& [options, params] : groups) all.push_back({params});
  auto params = checked_params(all);
  param_groups_.clear();
  scheduler_entries_.clear();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    param_groups_.emplace_back(std::move(params[i]), defaults_->clone());
    read_group(i, groups[i].first);
  }
  forget_strangers();
  groups_changed();
}

// Another tensor may come to lie where a parameter was that is no longer in a group.
void Optimizer::forget_strangers() {
  std::unordered_set<const void*> known;
  for (const auto& group : param_groups_)
    for (const at::Tensor& parameter : group.params()) known.insert(parameter.unsafeGetTensorImpl());
  for (auto it = state_.begin(); it != state_.end();) it = known.contains(it->first) ? std::next(it) : state_.erase(it);
}

std::optional<double> Optimizer::momentum(std::size_t) const { return std::nullopt; }

std::optional<std::array<double, 2>> Optimizer::betas(std::size_t) const { return std::nullopt; }

void Optimizer::set_momentum(std::size_t, double) { throw ValueError(std::string(class_name()) + " has no momentum"); }

void Optimizer::set_betas(std::size_t, std::array<double, 2>) { throw ValueError(std::string(class_name()) + " has no betas"); }

// ---- State ---------------------------------------------------------------------------------------------------------------------

void Optimizer::write_group(std::size_t group, Dict& out) const { out["lr"] = lr(group); }

void Optimizer::read_group(std::size_t group, const Dict& in) {
  Dict own;
  write_group(group, own);
  Dict rest;
  for (const auto& [key, value] : in)
    if (!own.find(key) && !(key.is_string() && key.as_string() == "params")) rest.set(key, value);
  scheduler_entries(group) = std::move(rest);
  if (const Value* lr = in.find(std::string_view("lr"))) set_lr(group, lr->number());
}

void Optimizer::write_state(const at::Tensor&, TensorExporter&, Dict&) const {}

void Optimizer::read_state(const at::Tensor&, const Dict&) {}

void Optimizer::check_state(const at::Tensor&, const Dict&) const {}

Value Optimizer::state_dict() const {
  TensorExporter tensors;
  Dict states;
  List groups;
  std::int64_t index = 0;
  for (std::size_t i = 0; i < param_groups_.size(); ++i) {
    Dict group = group_dict(i);
    List indices;
    for (const auto& parameter : param_groups_[i].params()) {
      Dict state;
      write_state(parameter, tensors, state);
      if (!state.empty()) states.set(index, std::move(state));
      indices.emplace_back(index++);
    }
    group["params"] = Value::list(std::move(indices));
    groups.emplace_back(std::move(group));
  }
  return Dict{{"state", std::move(states)}, {"param_groups", Value::list(std::move(groups))}};
}

void Optimizer::load_state_dict(const Value& state) {
  const List& groups = state.at("param_groups").items();
  const Dict& states = state.at("state").as_dict();
  if (groups.size() != param_groups_.size()) throw ValueError("loaded state dict has a different number of parameter groups");
  std::vector<std::pair<const at::Tensor*, const Dict*>> loaded;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const List& indices = groups[i].at("params").items();
    const auto& params = param_groups_[i].params();
    if (indices.size() != params.size())
      throw ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group");
    for (std::size_t k = 0; k < params.size(); ++k) {
      const Value* one = states.find(indices[k]);
      if (one) check_state(params[k], one->as_dict());
      loaded.emplace_back(&params[k], one ? &one->as_dict() : nullptr);
    }
  }
  read_groups(groups);
  const c10::AutoGradMode no_grad(false);
  state_.clear();
  for (const auto& [parameter, one] : loaded)
    if (one) read_state(*parameter, *one);
  groups_changed();
}

// All of them, or none.
void Optimizer::read_groups(const List& groups) {
  std::vector<Dict> before;
  for (std::size_t i = 0; i < groups.size(); ++i) before.push_back(group_dict(i));
  try {
    for (std::size_t i = 0; i < groups.size(); ++i) read_group(i, groups[i].as_dict());
  } catch (...) {
    for (std::size_t i = 0; i < groups.size(); ++i) read_group(i, before[i]);
    throw;
  }
}

at::Tensor Optimizer::state_like(const at::Tensor& parameter, const TensorRef& saved) {
  at::Tensor out = at::empty_like(parameter, parameter.options().requires_grad(false));
  out.copy_(to_tensor(saved, false));
  return out;
}

std::vector<std::vector<at::Tensor>> checked_params(const std::vector<ParamGroup>& groups) {
  if (groups.empty()) throw ValueError("optimizer got an empty parameter list");
  std::vector<std::vector<at::Tensor>> out;
  std::unordered_set<const void*> all;
  for (const ParamGroup& group : groups) {
    if (groups.size() == 1 && group.params.empty()) throw ValueError("optimizer got an empty parameter list");
    std::unordered_set<const void*> own;
    auto& params = out.emplace_back();
    for (const at::Tensor& parameter : group.params) {
      if (!parameter.defined()) throw TypeError("optimizer can only optimize Tensors, but one of the params is undefined");
      if (!parameter.is_leaf()) throw ValueError("can't optimize a non-leaf Tensor");
      if (!parameter.is_floating_point()) {
        throw TypeError(std::string("optimizers work on floating point tensors; one of the params is ") +
                        dtype_name(to_dtype(parameter.scalar_type())));
      }
      if (!own.insert(parameter.unsafeGetTensorImpl()).second) continue;
      if (!all.insert(parameter.unsafeGetTensorImpl()).second)
        throw ValueError("some parameters appear in more than one parameter group");
      params.push_back(parameter);
    }
  }
  return out;
}

}  // namespace levin::optim
