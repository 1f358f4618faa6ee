#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/optim/optimizer.h"

/// Changing an optimizer's groups of parameters while it is in use.
namespace levin::optim {

/// Adds parameters as a new group, with the optimizer's defaults where `group` says nothing: how layers that were frozen join in.
/// ValueError for a parameter that is in a group already.
LEVIN_API void add_param_group(Optimizer& optimizer, const ParamGroup& group);

/// A group as in `state_dict()`, without "params".
LEVIN_API Dict group_dict(const Optimizer& optimizer, std::size_t group);

/// Puts these groups in the place of all there are: options as `group_dict` gave them (absent ones get the defaults), and parameters.
/// Forgets what was kept for parameters.
LEVIN_API void set_param_groups(Optimizer& optimizer, std::vector<std::pair<Dict, std::vector<at::Tensor>>> groups);

/// A group's name, as LearningRateMonitor shows it; in `state_dict` as Python's entry "name". Unset: none.
LEVIN_API std::optional<std::string> group_name(const Optimizer& optimizer, std::size_t group);
LEVIN_API void set_group_name(Optimizer& optimizer, std::size_t group, const std::string& name);

}  // namespace levin::optim
