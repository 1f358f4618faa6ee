#include "levin/framework/base/errors.h"
#include "levin/framework/base/process_stats.h"
#include "support/catch.h"

using namespace levin;

namespace {

const std::string meminfo =
    "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    9999999 kB\nBuffers:            1000 kB\n"
    "SwapCached:            7 kB\nSwapTotal:       3000000 kB\nSwapFree:        1000000 kB\n";

}  // namespace

TEST_CASE("memory and swap in use are psutil's percentages") {
  const MemoryStats stats = memory_stats(meminfo);
  CHECK(stats.vm_percent == 37.5);
  CHECK(stats.swap_percent == 66.7);
  CHECK(memory_stats("MemTotal: 10 kB\nMemAvailable: 12 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n").vm_percent == 0);
  CHECK(memory_stats("MemTotal: 10 kB\nMemAvailable: 2 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n").swap_percent == 0);
  CHECK_THROWS_WITH(memory_stats("MemTotal: 10 kB\n"), "/proc/meminfo: no line 'MemAvailable:'");
}

TEST_CASE("processors are busy by all but their idle and waiting time since the last look") {
  const CpuTimes first = cpu_times("cpu  100 10 50 800 40 5 5 10 3 2\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
  CHECK(first.all == 1020);
  CHECK(first.busy == 180);
  CpuPercent percent;
  CHECK(percent(first) == 0.0);
  CHECK(percent(first) == 0.0);
  CHECK(percent({first.busy + 30, first.all + 90}) == 33.3);
  CHECK(percent({first.busy + 90, first.all + 150}) == 100.0);
  CHECK_THROWS_WITH(cpu_times("intr 1 2 3\n"), "/proc/stat: no line 'cpu'");
}

TEST_CASE("this machine's own numbers are percentages") {
  const MemoryStats stats = read_memory_stats();
  CHECK(stats.vm_percent > 0);
  CHECK(stats.vm_percent <= 100);
  CHECK(read_cpu_times().all >= read_cpu_times().busy);
}
