#include "levin/framework/base/process_stats.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/files.h"

namespace levin {
namespace {

double one_decimal(double percent) { return std::round(percent * 10) / 10; }

// Numbers from `at` on, separated by blanks.
std::uint64_t next_number(std::string_view text, std::size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), out);
  if (error == std::errc()) at = static_cast<std::size_t>(end - text.data());
  return out;
}

std::uint64_t kilobytes(std::string_view meminfo, std::string_view name) {
  std::size_t at = meminfo.find(name);
  if (at == meminfo.npos || (at > 0 && meminfo[at - 1] != '\n')) throw RuntimeError("/proc/meminfo: no line '" + std::string(name) + "'");
  at += name.size();
  return next_number(meminfo, at);
}

std::string whole(const char* path) {
  std::ifstream file(path);
  if (!file) throw_os_error(errno, path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

MemoryStats memory_stats(std::string_view meminfo) {
  const auto used = [](std::uint64_t total, std::uint64_t left) {
    return total == 0 ? 0.0 : one_decimal(100 * (static_cast<double>(total) - static_cast<double>(left)) / static_cast<double>(total));
  };
  const auto total = kilobytes(meminfo, "MemTotal:"), available = kilobytes(meminfo, "MemAvailable:");
  return {used(total, std::min(total, available)), used(kilobytes(meminfo, "SwapTotal:"), kilobytes(meminfo, "SwapFree:"))};
}

CpuTimes cpu_times(std::string_view stat) {
  if (!stat.starts_with("cpu ")) throw RuntimeError("/proc/stat: no line 'cpu'");
  // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user and nice already.
  std::array<std::uint64_t, 8> times{};
  std::size_t at = 3;
  for (std::uint64_t& time : times) time = next_number(stat, at);
  CpuTimes out;
  for (const std::uint64_t time : times) out.all += time;
  out.busy = out.all - times[3] - times[4];
  return out;
}

double CpuPercent::operator()(const CpuTimes& now) {
  const CpuTimes before = last_.value_or(now);
  last_ = now;
  if (now.all <= before.all || now.busy < before.busy) return 0;
  return one_decimal(100 * static_cast<double>(now.busy - before.busy) / static_cast<double>(now.all - before.all));
}

MemoryStats read_memory_stats() { return memory_stats(whole("/proc/meminfo")); }
CpuTimes read_cpu_times() { return cpu_times(whole("/proc/stat")); }

}  // namespace levin
