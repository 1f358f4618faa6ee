#include "levin/framework/optim/param_groups.h"

#include "levin/framework/base/errors.h"

namespace levin::optim {
namespace {

List indices(std::size_t begin, std::size_t count) {
  List out;
  for (std::size_t i = 0; i < count; ++i) out.emplace_back(begin + i);
  return out;
}

// The optimizer reads its options from a state as Python's.
void read_groups(Optimizer& optimizer, Value state, const std::vector<Dict>& groups) {
  List all;
  std::size_t next = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::size_t count = optimizer.param_groups()[i].params().size();
    Dict group = groups[i];
    group["params"] = Value::list(indices(next, count));
    next += count;
    all.emplace_back(std::move(group));
  }
  state["param_groups"] = Value::list(std::move(all));
  optimizer.load_state_dict(state);
}

}  // namespace

Dict group_dict(const Optimizer& optimizer, std::size_t group) {
  const Value state = optimizer.state_dict();
  const List& groups = state.at("param_groups").items();
  if (group >= groups.size()) throw ValueError(std::string(optimizer.class_name()) + " has no group " + std::to_string(group));
  Dict out = groups[group].as_dict();
  out.erase("params");
  return out;
}

void add_param_group(Optimizer& optimizer, const ParamGroup& group) {
  std::vector<ParamGroup> all;
  for (const auto& there : optimizer.param_groups()) all.push_back({there.params()});
  all.push_back(group);
  auto params = checked_params(all).back();
  auto options = optimizer.defaults().clone();
  if (group.lr) options->set_lr(*group.lr);
  optimizer.param_groups().emplace_back(std::move(params), std::move(options));
  if (!group.weight_decay) return;
  std::vector<Dict> groups;
  for (std::size_t i = 0; i < optimizer.group_count(); ++i) groups.push_back(group_dict(optimizer, i));
  groups.back()["weight_decay"] = *group.weight_decay;
  read_groups(optimizer, optimizer.state_dict(), groups);
}

void set_param_groups(Optimizer& optimizer, std::vector<std::pair<Dict, std::vector<at::Tensor>>> groups) {
  std::vector<ParamGroup> all;
  for (const auto& [options, params] : groups) all.push_back({params});
  auto params = checked_params(all);
  auto& there = optimizer.param_groups();
  there.clear();
  for (auto& list : params) there.emplace_back(std::move(list), optimizer.defaults().clone());
  std::vector<Dict> options;
  for (auto& group : groups) options.push_back(std::move(group.first));
  read_groups(optimizer, Dict{{"state", Value::dict()}}, options);
}

std::optional<std::string> group_name(const Optimizer& optimizer, std::size_t group) {
  const Value* found = optimizer.scheduler_entries(group).find(std::string_view("name"));
  return found && found->is_string() ? std::optional(found->as_string()) : std::nullopt;
}

void set_group_name(Optimizer& optimizer, std::size_t group, const std::string& name) { optimizer.scheduler_entries(group)["name"] = name; }

}  // namespace levin::optim
