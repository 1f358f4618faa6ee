#pragma once
#include <map>
#include <string>
#include <vector>

#include "levin/apps/launcher/log_tree.h"
#include "levin/apps/launcher/options.h"
#include "levin/apps/launcher/world.h"

namespace levin::launcher {

/// What a rank's environment has beyond the launcher's own: torchrun's variables and LEVIN_*, see docs/launcher.md.
std::map<std::string, std::string> rank_environment(const Options& options, const World& world, const RankFiles& files, int local_rank);

/// This process's environment with `changes`, as "NAME=VALUE".
std::vector<std::string> merged_environment(const std::map<std::string, std::string>& changes);

/// Sets OMP_NUM_THREADS to 1 where several ranks would each take all processors, and says so; once, at the start.
void limit_threads(const Options& options);

}  // namespace levin::launcher
