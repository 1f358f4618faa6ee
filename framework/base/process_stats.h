#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "levin/framework/base/export.h"

/// How busy the machine is, from /proc, with psutil's numbers.
namespace levin {

/// Percent of memory and of swap in use, rounded to one decimal: psutil's `virtual_memory().percent` and `swap_memory().percent`.
struct MemoryStats {
  double vm_percent = 0, swap_percent = 0;
};
/// From the text of /proc/meminfo. RuntimeError if a line is missing.
LEVIN_API MemoryStats memory_stats(std::string_view meminfo);

/// Time that all processors together spent so far, in clock ticks.
struct CpuTimes {
  std::uint64_t busy = 0, all = 0;
};
/// From the text of /proc/stat. RuntimeError if there is no line "cpu".
LEVIN_API CpuTimes cpu_times(std::string_view stat);

/// psutil's `cpu_percent()`: how busy the processors were since the last call, 0.0 at the first.
class LEVIN_API CpuPercent {
 public:
  double operator()(const CpuTimes& now);

 private:
  std::optional<CpuTimes> last_;
};

/// The machine's own, now. OSError where there is no /proc.
LEVIN_API MemoryStats read_memory_stats();
LEVIN_API CpuTimes read_cpu_times();

}  // namespace levin
