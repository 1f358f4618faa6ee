#include "levin/framework/profilers/advanced_profiler.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr int depth = 48, skipped = 2;  // the handler and the frame that the kernel made
constexpr std::size_t capacity = 8192;
constexpr double period = 0.005;  // seconds
constexpr std::uint32_t idle = 0xffffffff;

struct Sample {
  std::atomic<bool> complete;
  std::uint32_t action;
  int size;
  std::array<void*, depth> frames;
};

// What the signal handler writes into. A signal has no argument, so it is the process's.
std::unique_ptr<Sample[]> samples_of_process;
std::atomic<std::size_t> taken{0};
std::atomic<std::uint32_t> current_action{idle};
std::atomic<bool> in_use{false};
struct sigaction former_handler;

void take_sample(int) {
  const int error = errno;
  const std::uint32_t action = current_action.load(std::memory_order_relaxed);
  if (action != idle) {
    const std::size_t slot = taken.fetch_add(1, std::memory_order_relaxed);
    if (slot < capacity) {
      Sample& sample = samples_of_process[slot];
      sample.action = action;
      sample.size = ::backtrace(sample.frames.data(), depth);
      sample.complete.store(true, std::memory_order_release);
    }
  }
  errno = error;
}

void set_timer(double seconds) {
  itimerval interval{};
  interval.it_interval.tv_usec = interval.it_value.tv_usec = static_cast<suseconds_t>(seconds * 1e6);
  ::setitimer(ITIMER_PROF, &interval, nullptr);
}

std::string symbol(void* address) {
  Dl_info info{};
  if (!::dladdr(address, &info)) return "?";
  const std::string file = info.dli_fname ? info.dli_fname : "?";
  const std::string library = file.substr(file.rfind('/') + 1);
  if (!info.dli_sname) return library;
  int status = 0;
  char* readable = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
  const std::string name = status == 0 ? readable : info.dli_sname;
  std::free(readable);
  return library + "(" + name + ")";
}

}  // namespace

AdvancedProfiler::AdvancedProfiler(Options options) : Profiler(options.dirpath, options.filename), options_(std::move(options)) {}

AdvancedProfiler::~AdvancedProfiler() { teardown(); }

void AdvancedProfiler::start(const std::string& action) {
  if (!sampling_) {
    if (in_use.exchange(true)) throw RuntimeError("only one AdvancedProfiler can record at a time in a process");
    sampling_ = true;
    samples_of_process = std::make_unique<Sample[]>(capacity);
    taken = 0;
    // The first call loads a library, which a signal handler must not.
    void* frame = nullptr;
    ::backtrace(&frame, 1);
    struct sigaction handler{};
    handler.sa_handler = take_sample;
    handler.sa_flags = SA_RESTART;
    ::sigaction(SIGPROF, &handler, &former_handler);
    set_timer(period);
  }
  if (taken.load(std::memory_order_relaxed) > capacity / 2) collect();
  const auto [at, added] = numbers_.try_emplace(action, static_cast<std::uint32_t>(names_.size()));
  if (added) {
    names_.push_back(action);
    recorded_.emplace_back();
  }
  running_.push_back(at->second);
  current_action = at->second;
}

void AdvancedProfiler::stop(const std::string& action) {
  const auto found = numbers_.find(action);
  if (found == numbers_.end())
    throw ValueError("Attempting to stop recording an action (" + action + ") which was never started.");
  const auto last = std::find(running_.rbegin(), running_.rend(), found->second);
  if (last != running_.rend()) running_.erase(std::next(last).base());
  current_action = running_.empty() ? idle : running_.back();
}

void AdvancedProfiler::collect() {
  if (!sampling_) return;
  const std::uint32_t action = current_action.exchange(idle);
  const std::size_t count = std::min(taken.load(), capacity);
  for (std::size_t i = 0; i < count; ++i) {
    Sample& sample = samples_of_process[i];
    if (!sample.complete.exchange(false, std::memory_order_acquire)) continue;
    Functions& functions = recorded_[sample.action];
    ++functions.samples;
    std::set<std::string> seen;  // a recursive function counts once
    for (int k = skipped; k < sample.size; ++k) {
      auto [at, added] = symbols_.try_emplace(sample.frames[static_cast<std::size_t>(k)]);
      if (added) at->second = symbol(at->first);
      auto& [anywhere, top] = functions.counts[at->second];
      if (seen.insert(at->second).second) ++anywhere;
      if (k == skipped) ++top;
    }
  }
  taken = 0;
  current_action = action;
}

std::int64_t AdvancedProfiler::samples() const {
  std::int64_t out = sampling_ ? static_cast<std::int64_t>(std::min(taken.load(), capacity)) : 0;
  for (const Functions& functions : recorded_) out += functions.samples;
  return out;
}

std::string AdvancedProfiler::summary() {
  collect();
  std::string out = title() + "Profiler Report";
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const Functions& functions = recorded_[i];
    std::vector<std::pair<std::string, std::pair<std::int64_t, std::int64_t>>> rows(functions.counts.begin(), functions.counts.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    const auto* lines = std::get_if<std::int64_t>(&options_.line_count_restriction);
    const std::size_t listed = lines ? static_cast<std::size_t>(std::max<std::int64_t>(0, *lines))
                                     : static_cast<std::size_t>(static_cast<double>(rows.size()) *
                                                                std::clamp(std::get<double>(options_.line_count_restriction), 0.0, 1.0) + 0.5);
    char line[160];
    std::snprintf(line, sizeof line, "%lld samples in %.3f seconds of CPU time", static_cast<long long>(functions.samples),
                  static_cast<double>(functions.samples) * period);
    out += "\nProfile stats for: " + names_[i] + "\n         " + line + "\n\n";
    if (rows.empty()) continue;
    out += "   Ordered by: cumulative time\n\n    tottime    cumtime function\n";
    for (std::size_t r = 0; r < std::min(listed, rows.size()); ++r) {
      std::snprintf(line, sizeof line, "%11.3f%11.3f ", static_cast<double>(rows[r].second.second) * period,
                    static_cast<double>(rows[r].second.first) * period);
      out += line + rows[r].first + "\n";
    }
  }
  return out + "\n";
}

void AdvancedProfiler::teardown() {
  if (!sampling_) return;
  set_timer(0);
  current_action = idle;
  // A signal may still be on its way; it then finds no action and writes nothing.
  ::sigaction(SIGPROF, &former_handler, nullptr);
  sampling_ = false;
  in_use = false;
  names_.clear();
  numbers_.clear();
  running_.clear();
  recorded_.clear();
}

}  // namespace levin
