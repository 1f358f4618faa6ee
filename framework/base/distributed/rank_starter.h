#pragma once
#include "levin/framework/base/distributed/cluster_environment.h"
#include "levin/framework/base/export.h"

namespace levin {

/// Starts the other ranks of this machine: the same program with the same arguments, each with its place in the environment (RANK,
/// WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, NODE_RANK, MASTER_ADDR, MASTER_PORT), which is set here too. A port that is not chosen
/// yet is chosen, and put into `environment`. Called once per process, from a thread that lives as long as it does.
///
/// From then on: the others are killed when this process dies, however it dies. If one of them fails, this process gets some seconds to
/// end with an error of its own, then all are ended, with that rank's exit code. A process that leaves by `exit` or by returning from
/// `main` waits for the others first; if it fails, it gives them a moment to end by themselves, and ends them.
LEVIN_API void start_ranks(ClusterEnvironment& environment);

/// A collective was given up, and threads may wait in it for ever for ranks that are gone. From here on `exit` waits for the ranks that
/// this process has started, as above, flushes what was written and leaves: static objects are not destroyed.
LEVIN_API void abandon_threads() noexcept;

}  // namespace levin
