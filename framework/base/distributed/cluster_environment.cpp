#include "levin/framework/base/distributed/cluster_environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

std::string text(std::int64_t n) { return std::to_string(n); }

/// The variables with their types.
class Variables {
 public:
  explicit Variables(const EnvironmentVariables& get) : get_(get) {}

  const char* find(const char* name) const {
    const char* value = get_ ? get_(name) : std::getenv(name);
    return value && *value ? value : nullptr;
  }
  bool has(const char* name) const { return find(name) != nullptr; }
  std::string text(const char* name, const std::string& otherwise) const {
    const char* value = find(name);
    return value ? value : otherwise;
  }
  std::optional<int> number(const char* name) const {
    const char* value = find(name);
    if (!value) return std::nullopt;
    const std::string_view digits(value);
    int out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error != std::errc() || end != digits.data() + digits.size() || out < 0)
      throw ValueError(std::string(name) + "='" + value + "' in the environment: expected a whole number of at least 0");
    return out;
  }
  int required(const char* name, const char* who) const {
    if (const auto n = number(name)) return *n;
    throw ValueError(std::string(who) + " started this process, but the environment has no " + name);
  }

 private:
  const EnvironmentVariables& get_;
};

void check_rank(const ClusterEnvironment& e) {
  if (e.world_size < 1 || e.global_rank >= e.world_size) {
    throw ValueError("rank " + text(e.global_rank) + " of " + text(e.world_size) + " processes, as '" + e.name +
                     "' has it in the environment: ranks go from 0 to the number of processes less one");
  }
}

void check_world(const ClusterEnvironment& e, const ClusterRequest& request) {
  check_rank(e);
  if (!request.devices || *request.devices * request.num_nodes == e.world_size) return;
  throw ValueError("You set `devices=" + text(*request.devices) + "` and `num_nodes=" + text(request.num_nodes) + "` in Lightning, but the product (" +
                   text(*request.devices) + " * " + text(request.num_nodes) + ") does not match the world size (" + text(e.world_size) + ").");
}

int port_from(const std::string& id) {
  unsigned hash = 2166136261u;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return 15000 + static_cast<int>(hash % 10000);
}

bool on_torchelastic(const Variables& v) { return v.has("TORCHELASTIC_RUN_ID"); }

ClusterEnvironment torchelastic(const Variables& v, const ClusterRequest& request) {
  constexpr const char* who = "torchrun";
  ClusterEnvironment e{.name = "torchelastic"};
  e.global_rank = v.required("RANK", who);
  e.world_size = v.required("WORLD_SIZE", who);
  e.local_rank = v.required("LOCAL_RANK", who);
  e.local_world_size = v.number("LOCAL_WORLD_SIZE").value_or(e.world_size);
  e.node_rank = v.number("GROUP_RANK").value_or(0);
  e.main_address = v.text("MASTER_ADDR", "127.0.0.1");
  e.main_port = v.required("MASTER_PORT", who);
  e.launcher_has_store = v.text("TORCHELASTIC_USE_AGENT_STORE", "") == "True";
  check_world(e, request);
  return e;
}

bool on_slurm(const Variables& v) {
  const std::string job = v.text("SLURM_JOB_NAME", "");
  return v.has("SLURM_NTASKS") && v.has("SLURM_PROCID") && job != "bash" && job != "interactive";
}

ClusterEnvironment slurm(const Variables& v, const ClusterRequest& request) {
  constexpr const char* who = "SLURM";
  ClusterEnvironment e{.name = "slurm"};
  e.global_rank = v.required("SLURM_PROCID", who);
  e.world_size = v.required("SLURM_NTASKS", who);
  e.local_rank = v.number("SLURM_LOCALID").value_or(0);
  e.node_rank = v.number("SLURM_NODEID").value_or(0);
  const int nodes = v.number("SLURM_NNODES").value_or(static_cast<int>(request.num_nodes));
  const auto per_node = v.number("SLURM_NTASKS_PER_NODE");
  e.local_world_size = per_node.value_or(nodes > 0 ? e.world_size / nodes : e.world_size);
  e.main_address = v.text("MASTER_ADDR", first_host(v.text("SLURM_NODELIST", v.text("SLURM_JOB_NODELIST", "127.0.0.1"))));
  // As in Lightning: several jobs on one machine seldom have the same last four digits.
  const std::string job = v.text("SLURM_JOB_ID", "");
  const std::string digits = job.size() > 4 ? job.substr(job.size() - 4) : job;
  const bool number = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
  e.main_port = v.number("MASTER_PORT").value_or(number ? std::stoi(digits) + 15000 : 12910);
  check_rank(e);
  if (request.devices && per_node && *per_node != *request.devices) {
    throw ValueError("You set `devices=" + text(*request.devices) + "` in Lightning, but the number of tasks per node configured in SLURM `--ntasks-per-node=" +
                     text(*per_node) + "` does not match. HINT: Set `devices=" + text(*per_node) + "`.");
  }
  if (request.devices && nodes != request.num_nodes) {
    throw ValueError("You set `num_nodes=" + text(request.num_nodes) + "` in Lightning, but the number of nodes configured in SLURM `--nodes=" + text(nodes) +
                     "` does not match. HINT: Set `num_nodes=" + text(nodes) + "`.");
  }
  check_world(e, request);
  return e;
}

// What MPI's launchers call the four numbers.
struct MpiNames {
  const char *rank, *size, *local_rank, *local_size;
};
constexpr MpiNames mpi_dialects[] = {
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
};

const MpiNames* mpi_dialect(const Variables& v) {
  for (const MpiNames& names : mpi_dialects)
    if (v.has(names.rank) && v.has(names.size)) return &names;
  return nullptr;
}

ClusterEnvironment mpi(const Variables& v, const ClusterRequest& request) {
  const MpiNames* names = mpi_dialect(v);
  if (!names) throw ValueError("The environment has none of the variables that MPI's launchers set");
  ClusterEnvironment e{.name = "mpi"};
  e.global_rank = v.required(names->rank, "MPI");
  e.world_size = v.required(names->size, "MPI");
  e.local_world_size = v.number(names->local_size).value_or(e.world_size);
  e.local_rank = v.number(names->local_rank).value_or(e.global_rank);
  e.node_rank = e.local_world_size > 0 ? e.global_rank / e.local_world_size : 0;
  check_world(e, request);
  if (!v.has("MASTER_ADDR") && e.local_world_size < e.world_size)
    throw ValueError("MPI started ranks on several machines; set MASTER_ADDR to the address of rank 0's machine");
  e.main_address = v.text("MASTER_ADDR", "127.0.0.1");
  e.main_port = v.number("MASTER_PORT").value_or(port_from(v.text("PMIX_NAMESPACE", v.text("OMPI_MCA_ess_base_jobid", v.text("PMI_ID", "")))));
  return e;
}

bool in_environment(const Variables& v) { return v.has("WORLD_SIZE") && (v.has("RANK") || v.has("LOCAL_RANK")); }

ClusterEnvironment from_environment(const Variables& v, const ClusterRequest& request) {
  constexpr const char* who = "A launcher";
  ClusterEnvironment e{.name = "env"};
  e.world_size = v.required("WORLD_SIZE", who);
  const auto nodes = static_cast<int>(request.num_nodes);
  e.local_world_size = v.number("LOCAL_WORLD_SIZE").value_or(nodes > 0 ? std::max(1, e.world_size / nodes) : e.world_size);
  const auto node = v.number("NODE_RANK") ? v.number("NODE_RANK") : v.number("GROUP_RANK");
  e.global_rank = v.has("RANK") ? v.required("RANK", who) : node.value_or(0) * e.local_world_size + v.required("LOCAL_RANK", who);
  e.local_rank = v.number("LOCAL_RANK").value_or(e.global_rank % e.local_world_size);
  e.node_rank = node.value_or(e.global_rank / e.local_world_size);
  e.main_address = v.text("MASTER_ADDR", "127.0.0.1");
  e.main_port = e.world_size > 1 ? v.required("MASTER_PORT", who) : v.number("MASTER_PORT").value_or(0);
  check_world(e, request);
  return e;
}

ClusterEnvironment own_launch(const Variables& v, const ClusterRequest& request) {
  ClusterEnvironment e;
  e.local_world_size = static_cast<int>(request.devices.value_or(1));
  e.world_size = e.local_world_size * static_cast<int>(request.num_nodes);
  e.node_rank = (v.number("NODE_RANK") ? v.number("NODE_RANK") : v.number("GROUP_RANK")).value_or(0);
  e.global_rank = e.node_rank * e.local_world_size;
  e.main_address = v.text("MASTER_ADDR", "127.0.0.1");
  e.main_port = v.number("MASTER_PORT").value_or(0);
  if (e.node_rank >= request.num_nodes)
    throw ValueError("NODE_RANK=" + text(e.node_rank) + " in the environment, but `num_nodes=" + text(request.num_nodes) + "`");
  if (request.num_nodes > 1 && (!v.has("MASTER_ADDR") || e.main_port == 0)) {
    throw ValueError("`num_nodes=" + text(request.num_nodes) + "` without a launcher: on each machine set MASTER_ADDR and MASTER_PORT to an address and a " +
                     "free port of the first one, and NODE_RANK from 0 up; or start with levin-run, torchrun or srun");
  }
  return e;
}

}  // namespace

std::string first_host(const std::string& node_list) {
  const auto bracket = node_list.find('[');
  const auto comma = node_list.find(',');
  if (bracket == node_list.npos || comma < bracket) return node_list.substr(0, comma);
  const auto digits_end = node_list.find_first_of(",-]", bracket);
  return node_list.substr(0, bracket) + node_list.substr(bracket + 1, digits_end - bracket - 1);
}

ClusterEnvironment detect_cluster_environment(const ClusterRequest& request, const EnvironmentVariables& variables) {
  const Variables v(variables);
  if (request.name) {
    if (*request.name == "torchelastic") return torchelastic(v, request);
    if (*request.name == "slurm") return slurm(v, request);
    if (*request.name == "mpi") return mpi(v, request);
    if (*request.name == "env") return from_environment(v, request);
    if (*request.name == "lightning") return own_launch(v, request);
    throw ValueError("cluster environment '" + *request.name + "': there are torchelastic, slurm, mpi, env and lightning");
  }
  if (v.has("LEVIN_STARTED_RANKS")) return from_environment(v, request);  // by another rank of this program
  if (on_torchelastic(v)) return torchelastic(v, request);
  if (on_slurm(v)) return slurm(v, request);
  if (mpi_dialect(v)) return mpi(v, request);
  if (in_environment(v)) return from_environment(v, request);
  return own_launch(v, request);
}

}  // namespace levin
