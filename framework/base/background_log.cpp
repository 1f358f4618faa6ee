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
  metrics.clear();
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
  for (std::size_t i = 0; i < metrics.size(); ++i)
    queue_.metrics.push_back({known_name(metrics[i].name, i), metrics[i].value, metrics[i].integer});
  push(lock, {step, now, queue_.metrics.size(), {}});
}

void BackgroundLog::post(std::function<void()> job) {
  std::unique_lock lock(mutex_);
  push(lock, {0, 0, queue_.metrics.size(), std::move(job)});
}

// Rows mostly repeat the names of the row before, so that is where to look first.
std::string_view BackgroundLog::known_name(std::string_view name, std::size_t position) {
  if (position < last_row_.size() && last_row_[position].first == name) return last_row_[position].second;
  const std::string_view kept = *names_.insert(prefix_ + std::string(name)).first;
  if (position >= last_row_.size()) last_row_.resize(position + 1);
  last_row_[position] = {std::string(name), kept};
  return kept;
}

void BackgroundLog::push(std::unique_lock<std::mutex>& lock, Entry entry) {
  queue_.entries.push_back(std::move(entry));
  if (queue_.entries.size() == 1 || many()) something_to_do_.notify_one();
  if (queue_.metrics.size() < most_waiting) return;
  something_done_.wait(lock, [&] { return queue_.metrics.size() < most_waiting; });
}

bool BackgroundLog::many() const { return queue_.entries.size() >= rows_at_once_ || queue_.metrics.size() >= most_waiting; }

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
  std::size_t begin = 0;
  for (const Entry& entry : work.entries) {
    try {
      if (entry.job) entry.job();
      else take_row(std::span(work.metrics).subspan(begin, entry.end - begin), entry);
    } catch (const std::exception& error) {
      rank_zero_warn(std::string("Something was not logged: ") + error.what());
    }
    begin = entry.end;
  }
  work.clear();
  flush_sink();
}

void BackgroundLog::take_row(std::span<const Metric> metrics, const Entry& entry) {
  if (!failure_.empty() && kept_ >= most_waiting) {
    ++dropped_;
    return;
  }
  kept_ += metrics.size();
  sink_->row(metrics, entry.step, entry.wall_time);
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
