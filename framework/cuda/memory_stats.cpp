#include <c10/cuda/CUDACachingAllocator.h>

#include <algorithm>

#include "levin/framework/cuda/backend.h"

namespace levin::cuda {
namespace {

using Stats = std::vector<std::pair<std::string, double>>;

void add(Stats& out, const std::string& name, std::int64_t value) { out.emplace_back(name, static_cast<double>(value)); }

void add(Stats& out, const std::string& name, const c10::CachingAllocator::Stat& stat) {
  add(out, name + ".current", stat.current);
  add(out, name + ".peak", stat.peak);
  add(out, name + ".allocated", stat.allocated);
  add(out, name + ".freed", stat.freed);
}

void add(Stats& out, const std::string& name, const c10::CachingAllocator::StatArray& stats) {
  constexpr const char* pools[] = {".all", ".small_pool", ".large_pool"};
  for (std::size_t i = 0; i < stats.size(); ++i) add(out, name + pools[i], stats[i]);
}

}  // namespace

// The names of torch.cuda.memory_stats, in its order.
Stats memory_stats(at::Device device) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  Stats out;
  add(out, "allocation", stats.allocation);
  add(out, "segment", stats.segment);
  add(out, "active", stats.active);
  add(out, "inactive_split", stats.inactive_split);
  add(out, "allocated_bytes", stats.allocated_bytes);
  add(out, "reserved_bytes", stats.reserved_bytes);
  add(out, "active_bytes", stats.active_bytes);
  add(out, "inactive_split_bytes", stats.inactive_split_bytes);
  add(out, "requested_bytes", stats.requested_bytes);
  add(out, "oversize_allocations", stats.oversize_allocations);
  add(out, "oversize_segments", stats.oversize_segments);
  add(out, "max_split_size", stats.max_split_size);
  add(out, "num_alloc_retries", stats.num_alloc_retries);
  add(out, "num_ooms", stats.num_ooms);
  add(out, "num_sync_all_streams", stats.num_sync_all_streams);
  add(out, "num_device_alloc", stats.num_device_alloc);
  add(out, "num_device_free", stats.num_device_free);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace levin::cuda
