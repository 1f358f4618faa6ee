#include "levin/framework/base/background_log.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <utility>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/console.h"

namespace levin {
namespace {

constexpr std::size_t most_waiting = 1'000'000;
constexpr std::chrono::milliseconds gathering_time{1000};

// The logs that live, for the end of the process. Never destroyed: that end may come before or after the loggers'.
class LiveLogs {
 public:
  static LiveLogs& instance() {
    static LiveLogs* const logs = new LiveLogs;
    return *logs;
  }
  void add(BackgroundLog* log) {
    const std::lock_guard lock(mutex_);
    logs_.emplace_back(log, ::getpid());
  }
  void remove(BackgroundLog* log) {
    const std::lock_guard lock(mutex_);
    std::erase_if(logs_, [&](const auto& one) { return one.first == log; });
  }

 private:
  LiveLogs() { std::atexit([] { instance().flush(); }); }
  void flush() {
    const std::lock_guard lock(mutex_);
    for (const auto& [log, process] : logs_)
      if (process == ::getpid()) log->flush();  // a forked child has its parent's logs, but not their threads
  }

  std::mutex mutex_;
  std::vector<std::pair<BackgroundLog*, pid_t>> logs_;
};

// A thread that no signal is delivered to: they are the main thread's.
template <class F>
std::thread thread_without_signals(F&& body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::forward<F>(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

LogSink::~LogSink() = default;

void BackgroundLog::Queue::clear() {
  entries.clear();
  values.clear();
  jobs.clear();
}

// `prefix`: how long that is.
bool BackgroundLog::Layout::is_of(std::span<const Metric> row, std::size_t prefix) const {
  return std::equal(row.begin(), row.end(), metrics.begin(), metrics.end(), [prefix](const Metric& given, const Metric& kept) {
    return given.integer == kept.integer && given.name == kept.name.substr(prefix);
  });
}

BackgroundLog::BackgroundLog(std::unique_ptr<LogSink> sink, std::string prefix, std::size_t rows_at_once)
    : sink_(std::move(sink)), prefix_(std::move(prefix)), rows_at_once_(rows_at_once) {
  thread_ = thread_without_signals([this] { run(); });
  LiveLogs::instance().add(this);
}

BackgroundLog::~BackgroundLog() {
  LiveLogs::instance().remove(this);
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  something_to_do_.notify_one();
  thread_.join();
}

void BackgroundLog::row(std::span<const Metric> metrics, std::int64_t step) {
  const double now = real_clock().wall();
  std::unique_lock lock(mutex_);
  // Rows mostly repeat the names of the row before, so that is where to look first.
  if (!last_layout_ || !last_layout_->is_of(metrics, prefix_.size())) last_layout_ = layout_of(metrics);
  for (const Metric& metric : metrics) queue_.values.push_back(metric.value);
  push(lock, {step, now, last_layout_});
}

void BackgroundLog::post(std::function<void()> job) {
  std::unique_lock lock(mutex_);
  queue_.jobs.push_back(std::move(job));
  push(lock, {0, 0, nullptr});
}

const BackgroundLog::Layout* BackgroundLog::layout_of(std::span<const Metric> row) {
  std::string key;
  for (const Metric& metric : row) (key += std::to_string(metric.name.size()) + (metric.integer ? "i" : "f")) += metric.name;
  const auto [place, is_new] = layouts_by_key_.try_emplace(std::move(key));
  if (!is_new) return place->second;
  Layout& layout = layouts_.emplace_back();
  for (const Metric& metric : row) {
    const std::string& kept = *names_.insert(prefix_ + std::string(metric.name)).first;
    layout.metrics.push_back({kept, 0, metric.integer});
  }
  return place->second = &layout;
}

void BackgroundLog::push(std::unique_lock<std::mutex>& lock, const Entry& entry) {
  queue_.entries.push_back(entry);
  if (queue_.entries.size() == 1 || many()) something_to_do_.notify_one();
  if (queue_.values.size() < most_waiting) return;
  something_done_.wait(lock, [&] { return queue_.values.size() < most_waiting; });
}

bool BackgroundLog::many() const { return queue_.entries.size() >= rows_at_once_ || queue_.values.size() >= most_waiting; }

void BackgroundLog::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = ++flushes_wanted_;
  something_to_do_.notify_one();
  something_done_.wait(lock, [&] { return flushes_done_ >= mine; });
}

void BackgroundLog::run() {
  Queue work;
  std::unique_lock lock(mutex_);
  const auto urgent = [&] { return closing_ || flushes_wanted_ > flushes_done_ || many(); };
  for (;;) {
    if (failure_.empty()) something_to_do_.wait(lock, [&] { return urgent() || !queue_.entries.empty(); });
    something_to_do_.wait_for(lock, gathering_time, urgent);
    const std::uint64_t flushes = flushes_wanted_;
    const bool last = closing_;
    std::swap(work, queue_);
    lock.unlock();
    something_done_.notify_all();  // whoever found the queue full
    write(work);
    lock.lock();
    flushes_done_ = flushes;
    something_done_.notify_all();
    if (last) break;
  }
  if (!failure_.empty()) console_error("The last logged lines could not be written: " + failure_);
}

void BackgroundLog::write(Queue& work) {
  const double* values = work.values.data();
  auto job = work.jobs.begin();
  for (const Entry& entry : work.entries) {
    try {
      if (entry.layout) take_row(values, entry);
      else (*job)();
    } catch (const std::exception& error) {
      rank_zero_warn(std::string("Something was not logged: ") + error.what());
    }
    if (entry.layout) values += entry.layout->metrics.size();
    else ++job;
  }
  work.clear();
  flush_sink();
}

void BackgroundLog::take_row(const double* values, const Entry& entry) {
  if (!failure_.empty() && kept_ >= most_waiting) {
    ++dropped_;
    return;
  }
  row_ = entry.layout->metrics;
  for (Metric& metric : row_) metric.value = *values++;
  kept_ += row_.size();
  sink_->row(row_, entry.step, entry.wall_time);
}

void BackgroundLog::flush_sink() {
  try {
    sink_->flush();
  } catch (const std::exception& error) {
    if (failure_.empty()) {
      rank_zero_warn(std::string(error.what()) +
                     ". The run goes on; what is logged is kept in memory and written as soon as that is possible.");
    }
    failure_ = error.what();
    return;
  }
  kept_ = 0;
  if (std::exchange(failure_, "").empty()) return;
  std::string text = "The log is written again.";
  if (dropped_ > 0) text += " " + std::to_string(std::exchange(dropped_, 0)) + " rows found no place in memory and are lost.";
  rank_zero_info(text);
}

}  // namespace levin
