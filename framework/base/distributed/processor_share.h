#pragma once
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// With LEVIN_BIND_PROCESSORS=1, gives this process, one of `local_world_size` on this machine, processors of its own: an equal share of
/// those that it may use, in their order. What works for a rank then wakes up where it ran before, which can halve the time of short steps;
/// but a rank with a single processor may wait several ms for Gloo's thread to give it back, so it is not the default.
///
/// Does nothing where someone has chosen already (taskset, mpirun or srun, or a container), and where there are fewer processors than ranks.
LEVIN_API void take_processor_share(int local_rank, int local_world_size);

/// The share: the processors of `all` from rank * n / size up to the next rank's first; empty if there are fewer than ranks.
LEVIN_API std::vector<int> processor_share(const std::vector<int>& all, int local_rank, int local_world_size);

}  // namespace levin
