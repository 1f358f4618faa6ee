#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "levin/framework/base/export.h"

namespace levin {

/// Where this process stands among the processes of a run, as whatever started them says.
struct ClusterEnvironment {
  /// "torchelastic" (torchrun, levin-run), "slurm", "mpi", "env" (RANK and WORLD_SIZE in the environment: Kubernetes' PyTorchJob, by
  /// hand), or "lightning": nothing has started ranks, so the strategy starts those of this machine itself.
  std::string name = "lightning";
  int global_rank = 0, world_size = 1;
  int local_rank = 0, local_world_size = 1;
  int node_rank = 0;
  /// Where rank 0 (or the launcher's agent) has the store. Port 0: not chosen yet.
  std::string main_address = "127.0.0.1";
  int main_port = 0;
  /// The launcher has a store there already; nobody else makes one.
  bool launcher_has_store = false;

  bool creates_processes_externally() const { return name != "lightning"; }
};

/// Reads the environment; `std::getenv` but for tests.
using EnvironmentVariables = std::function<const char*(const char*)>;

/// What `detect_cluster_environment` is asked for: the Trainer's `devices` (none: "auto") and `num_nodes`, and which environment to
/// take if not the first that is there.
struct ClusterRequest {
  std::optional<std::int64_t> devices = std::nullopt;
  std::int64_t num_nodes = 1;
  std::optional<std::string> name = std::nullopt;
};

/// The environment that started this process. The first of: the one asked for by name, torchelastic, SLURM (other than an interactive
/// shell), MPI (Open MPI, MPICH, Intel MPI, MVAPICH), RANK and WORLD_SIZE, none.
///
/// With `devices` given, the numbers must agree (ValueError in Lightning's words); without, the launcher's count is taken. ValueError
/// also for a variable that is missing or no number, with its name.
LEVIN_API ClusterEnvironment detect_cluster_environment(const ClusterRequest& request = {}, const EnvironmentVariables& variables = nullptr);

/// The first host of SLURM's list: "node[03-05,7],gpu1" gives "node03".
LEVIN_API std::string first_host(const std::string& node_list);

}  // namespace levin
