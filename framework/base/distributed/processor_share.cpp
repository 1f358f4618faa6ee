#include "levin/framework/base/distributed/processor_share.h"

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace levin {
namespace {

std::vector<int> allowed_processors() {
  cpu_set_t set;
  std::vector<int> out;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return out;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(processor, &set)) out.push_back(processor);
  return out;
}

bool is_wanted() {
  const char* const given = std::getenv("LEVIN_BIND_PROCESSORS");
  return given && std::string_view(given) == "1";
}

}  // namespace

std::vector<int> processor_share(const std::vector<int>& all, int local_rank, int local_world_size) {
  const auto count = all.size(), rank = static_cast<std::size_t>(local_rank), size = static_cast<std::size_t>(local_world_size);
  if (local_rank < 0 || local_rank >= local_world_size || count < size) return {};
  const auto first = [&](std::size_t of) { return all.begin() + static_cast<std::ptrdiff_t>(of * count / size); };
  return {first(rank), first(rank + 1)};
}

void take_processor_share(int local_rank, int local_world_size) {
  if (local_world_size < 2 || !is_wanted()) return;
  const std::vector<int> all = allowed_processors();
  // Fewer than the machine has: chosen by whoever started this process.
  if (static_cast<long>(all.size()) != ::sysconf(_SC_NPROCESSORS_ONLN)) return;
  const std::vector<int> share = processor_share(all, local_rank, local_world_size);
  if (share.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : share) CPU_SET(processor, &set);
  // Threads that are there already too; those to come inherit it.
  std::error_code none;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none))
    sched_setaffinity(std::atoi(task.path().filename().c_str()), sizeof set, &set);
}

}  // namespace levin
