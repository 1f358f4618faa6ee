#include "levin/apps/launcher/environment.h"

#include <unistd.h>

#include <cstdlib>

#include "levin/apps/launcher/option_values.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin::launcher {
namespace {

bool is_set(const char* name) { return std::getenv(name) != nullptr; }

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "localhost" || address == "::1" || address == "[::1]";
}

std::string own_gpu(int local_rank) {
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (!visible) return std::to_string(local_rank);
  const auto devices = split(visible, ',');
  if (static_cast<std::size_t>(local_rank) >= devices.size())
    throw ValueError("--virtual-local-rank: there is no GPU for local rank " + std::to_string(local_rank) + " in CUDA_VISIBLE_DEVICES=" + visible);
  return devices[static_cast<std::size_t>(local_rank)];
}

}  // namespace

std::map<std::string, std::string> rank_environment(const Options& options, const World& world, const RankFiles& files, int local_rank) {
  const auto text = [](auto number) { return std::to_string(number); };
  std::map<std::string, std::string> out{
      {"RANK", text(world.first_rank + local_rank)},
      {"WORLD_SIZE", text(world.world_size)},
      {"LOCAL_RANK", text(options.virtual_local_rank ? 0 : local_rank)},
      {"LOCAL_WORLD_SIZE", text(options.nproc_per_node)},
      {"GROUP_RANK", text(world.group_rank)},
      {"GROUP_WORLD_SIZE", text(world.group_world_size)},
      {"ROLE_NAME", options.role},
      {"ROLE_RANK", text(world.first_role_rank + local_rank)},
      {"ROLE_WORLD_SIZE", text(world.role_world_size)},
      {"MASTER_ADDR", world.master_addr},
      {"MASTER_PORT", text(world.master_port)},
      {"TORCHELASTIC_RESTART_COUNT", text(world.restart_count)},
      {"TORCHELASTIC_MAX_RESTARTS", text(options.max_restarts)},
      {"TORCHELASTIC_RUN_ID", options.rdzv_id},
      {"TORCHELASTIC_USE_AGENT_STORE", "True"},
      {"TORCHELASTIC_ERROR_FILE", files.error},
      {"TORCHELASTIC_SIGNALS_TO_HANDLE", options.signal_names},
      {"LEVIN_HEARTBEAT_FILE", files.heartbeat},
      {"LEVIN_STACK_FILE", files.stack},
  };
  if (!is_set("TORCH_NCCL_ASYNC_ERROR_HANDLING")) out["TORCH_NCCL_ASYNC_ERROR_HANDLING"] = "1";
  if (options.virtual_local_rank) out["CUDA_VISIBLE_DEVICES"] = own_gpu(local_rank);
  // Ranks that meet on this machine have no business on its other interfaces.
  if (world.group_world_size == 1 && is_loopback(world.master_addr) && !is_set("GLOO_SOCKET_IFNAME")) out["GLOO_SOCKET_IFNAME"] = "lo";
  return out;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> out;
  for (char** i = environ; *i; ++i) {
    const std::string entry = *i;
    if (!changes.contains(entry.substr(0, entry.find('=')))) out.push_back(entry);
  }
  for (const auto& [name, value] : changes) out.push_back(name + "=" + value);
  return out;
}

void limit_threads(const Options& options) {
  if (options.nproc_per_node == 1 || is_set("OMP_NUM_THREADS")) return;
  ::setenv("OMP_NUM_THREADS", "1", 1);
  rank_zero_warn("OMP_NUM_THREADS=1 is set for each rank, so that they do not crowd the processors; set it yourself for more.");
}

}  // namespace levin::launcher
