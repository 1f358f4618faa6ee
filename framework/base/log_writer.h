#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

#include "levin/framework/base/metric.h"

namespace levin {

class BackgroundLog;

/// What rows have in common that differ in their numbers only. Never changed once it is made, so that the writer's thread reads it
/// without a lock.
struct LogLayout {
  std::string names;            ///< one after the other: comparing them reads one place in memory
  std::vector<Metric> metrics;  ///< without values; the names are in `names`
  bool is_of(std::span<const Metric> row) const;
};

/// The thread that writes all logs of a process (`BackgroundLog`), and the queue of what waits for it.
///
/// It is made for whoever logs at each step: a row that goes to several logs stands in the queue once, only the numbers of rows are
/// copied, and nobody is woken up for a row. While rows come the thread looks by itself: every tenth of a second, when it writes the logs
/// that then have as many as they write at once, and every second all.
class LogWriter {
 public:
  /// The one that lives, or a new one: in a forked child too, where the parent's thread is not.
  static std::shared_ptr<LogWriter> of_this_process();
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void add(BackgroundLog& log);
  /// Writes what is queued and forgets the log.
  void remove(BackgroundLog& log);
  void row(std::span<BackgroundLog* const> to, std::span<const Metric> metrics, std::int64_t step);
  void post(BackgroundLog& to, std::function<void()> job);
  void flush();

 private:
  using Time = std::chrono::system_clock::time_point;
  struct Entry {
    std::int64_t step;
    Time time;
    const LogLayout* layout;  // null: a job instead of a row
    std::size_t targets;      // how many logs get it
  };
  // Entries and what belongs to them, one after the other.
  struct Queue {
    std::vector<Entry> entries;
    std::vector<BackgroundLog*> targets;
    std::vector<double> values;
    std::vector<std::function<void()>> jobs;
    void clear();
  };

  LogWriter();
  const LogLayout* layout_of(std::span<const Metric> row);
  void push(std::unique_lock<std::mutex>& lock, const Entry& entry, std::span<BackgroundLog* const> to);
  void flush(std::unique_lock<std::mutex>& lock);
  bool full() const;
  void run();
  static void take(Queue& work);

  const pid_t process_;
  std::mutex mutex_;
  std::condition_variable something_to_do_, something_done_;
  Queue queue_;
  std::deque<LogLayout> layouts_;
  std::unordered_map<std::string, const LogLayout*> layouts_by_key_;
  const LogLayout* last_layout_ = nullptr;
  std::vector<BackgroundLog*> logs_, leaving_;  // all; those to forget
  std::uint64_t flushes_wanted_ = 0, flushes_done_ = 0;
  bool asleep_ = true, closing_ = false;
  std::thread thread_;
};

}  // namespace levin
