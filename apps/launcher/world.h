#pragma once
#include <cstdint>
#include <string>

namespace levin::launcher {

/// One round of a job as this node sees it: who takes part and where the store is.
struct World {
  int round = 0;          ///< counts every start, for whatever reason
  int restart_count = 0;  ///< restarts after failures; the same on all nodes
  int group_rank = 0, group_world_size = 1;
  int first_rank = 0, world_size = 1;            ///< of this node's first rank
  int first_role_rank = 0, role_world_size = 1;  ///< among ranks of the same role
  std::string master_addr;
  std::uint16_t master_port = 0;
};

}  // namespace levin::launcher
