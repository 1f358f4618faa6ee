#include "levin/framework/base/log_writer.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "levin/framework/base/background_log.h"
#include "levin/framework/base/thread_without_signals.h"

namespace levin {
namespace {

constexpr std::chrono::milliseconds gathering_time{1000}, glance{100};

// Never destroyed: the end of the process may come before or after that of its logs.
struct Current {
  std::mutex mutex;
  std::weak_ptr<LogWriter> writer;
  pid_t process = 0;

  std::shared_ptr<LogWriter> find() {
    const std::lock_guard lock(mutex);
    return process == ::getpid() ? writer.lock() : nullptr;
  }
};

Current& current() {
  static Current* const current = [] {
    std::atexit([] {
      if (const auto writer = levin::current().find()) writer->flush();
    });
    return new Current;
  }();
  return *current;
}

}  // namespace

bool LogLayout::is_of(std::span<const Metric> row) const {
  return std::equal(row.begin(), row.end(), metrics.begin(), metrics.end(),
                    [](const Metric& given, const Metric& kept) { return given.integer == kept.integer && given.name == kept.name; });
}

void LogWriter::Queue::clear() {
  entries.clear();
  targets.clear();
  values.clear();
  jobs.clear();
}

std::shared_ptr<LogWriter> LogWriter::of_this_process() {
  Current& now = current();
  const std::lock_guard lock(now.mutex);
  auto writer = now.process == ::getpid() ? now.writer.lock() : nullptr;
  if (!writer) {
    writer.reset(new LogWriter);
    now.writer = writer;
    now.process = ::getpid();
  }
  return writer;
}

LogWriter::LogWriter() : process_(::getpid()) {
  thread_ = thread_without_signals([this] { run(); });
}

LogWriter::~LogWriter() {
  if (process_ != ::getpid()) {  // a forked child has its parent's logs, but not their thread
    thread_.detach();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  something_to_do_.notify_one();
  thread_.join();
}

void LogWriter::add(BackgroundLog& log) {
  const std::lock_guard lock(mutex_);
  logs_.push_back(&log);
}

void LogWriter::remove(BackgroundLog& log) {
  if (process_ != ::getpid()) return;
  std::unique_lock lock(mutex_);
  leaving_.push_back(&log);
  flush(lock);
}

void LogWriter::row(std::span<BackgroundLog* const> to, std::span<const Metric> metrics, std::int64_t step) {
  const Time now = std::chrono::system_clock::now();
  std::unique_lock lock(mutex_);
  // Rows mostly repeat the names of the row before, so that is where to look first.
  if (!last_layout_ || !last_layout_->is_of(metrics)) last_layout_ = layout_of(metrics);
  for (const Metric& metric : metrics) queue_.values.push_back(metric.value);
  push(lock, {step, now, last_layout_, to.size()}, to);
}

void LogWriter::post(BackgroundLog& to, std::function<void()> job) {
  BackgroundLog* const target[] = {&to};
  std::unique_lock lock(mutex_);
  queue_.jobs.push_back(std::move(job));
  push(lock, {0, {}, nullptr, 1}, target);
}

const LogLayout* LogWriter::layout_of(std::span<const Metric> row) {
  std::string key;
  for (const Metric& metric : row) (key += std::to_string(metric.name.size()) + (metric.integer ? "i" : "f")) += metric.name;
  const auto [place, is_new] = layouts_by_key_.try_emplace(std::move(key));
  if (!is_new) return place->second;
  LogLayout& layout = layouts_.emplace_back();
  for (const Metric& metric : row) layout.names += metric.name;
  std::string_view rest = layout.names;
  for (const Metric& metric : row) {
    layout.metrics.push_back({rest.substr(0, metric.name.size()), 0, metric.integer});
    rest.remove_prefix(metric.name.size());
  }
  return place->second = &layout;
}

// Wakes the thread up only if it sleeps, or if it can wait no longer: whom it wakes up may take the processor of who logs.
void LogWriter::push(std::unique_lock<std::mutex>& lock, const Entry& entry, std::span<BackgroundLog* const> to) {
  queue_.entries.push_back(entry);
  queue_.targets.insert(queue_.targets.end(), to.begin(), to.end());
  if (!std::exchange(asleep_, false) && !full()) return;
  something_to_do_.notify_one();
  something_done_.wait(lock, [&] { return !full(); });
}

bool LogWriter::full() const { return queue_.values.size() >= BackgroundLog::most_waiting || queue_.jobs.size() >= BackgroundLog::most_jobs; }

void LogWriter::flush() {
  if (process_ != ::getpid()) return;
  std::unique_lock lock(mutex_);
  flush(lock);
}

void LogWriter::flush(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t mine = ++flushes_wanted_;
  something_to_do_.notify_one();
  something_done_.wait(lock, [&] { return flushes_done_ >= mine; });
}

void LogWriter::run() {
  Queue work;
  std::unique_lock lock(mutex_);
  const auto wanted = [&] { return closing_ || flushes_wanted_ > flushes_done_ || full(); };
  auto next_look = std::chrono::steady_clock::now();
  bool something_came = false;  // since the last look at all
  for (;;) {
    if (asleep_) {
      something_to_do_.wait(lock, [&] { return !asleep_ || wanted(); });
      asleep_ = false;
      next_look = std::chrono::steady_clock::now() + gathering_time;
    }
    something_to_do_.wait_until(lock, std::min(next_look, std::chrono::steady_clock::now() + glance), wanted);
    const bool all = wanted() || std::chrono::steady_clock::now() >= next_look;
    const std::uint64_t flushes = flushes_wanted_;
    const bool last = closing_;
    const auto leaving = std::exchange(leaving_, {});
    const auto logs = logs_;
    std::swap(work, queue_);
    lock.unlock();
    something_done_.notify_all();  // whoever found the queue full
    something_came = something_came || !work.entries.empty();
    take(work);
    bool failing = false;
    for (BackgroundLog* const log : logs)
      if (all || log->is_due()) failing = !log->flush_sink() || failing;
    if (all) next_look = std::chrono::steady_clock::now() + gathering_time;
    lock.lock();
    std::erase_if(logs_, [&](BackgroundLog* const log) { return std::find(leaving.begin(), leaving.end(), log) != leaving.end(); });
    flushes_done_ = flushes;
    something_done_.notify_all();
    if (last) return;
    asleep_ = all && !something_came && !failing && queue_.entries.empty();
    if (all) something_came = false;
  }
}

void LogWriter::take(Queue& work) {
  auto target = work.targets.begin();
  const double* values = work.values.data();
  auto job = work.jobs.begin();
  for (const Entry& entry : work.entries) {
    const double wall_time = std::chrono::duration<double>(entry.time.time_since_epoch()).count();
    for (const auto end = target + static_cast<std::ptrdiff_t>(entry.targets); target != end; ++target) {
      if (entry.layout) (*target)->take_row(*entry.layout, values, entry.step, wall_time);
      else (*target)->take_job(*job);
    }
    if (entry.layout) values += entry.layout->metrics.size();
    else ++job;
  }
  work.clear();
}

}  // namespace levin
