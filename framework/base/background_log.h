#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/metric.h"

namespace levin {

/// The file behind a log. `BackgroundLog` calls it from its own thread only.
class LEVIN_API LogSink {
 public:
  virtual ~LogSink();
  /// Takes a row; `wall_time` is when it was logged, in seconds since 1970.
  virtual void row(std::span<const Metric> metrics, std::int64_t step, double wall_time) = 0;
  /// Writes what has gathered. An OSError means that it was kept and that the next flush tries again.
  virtual void flush() = 0;
};

/// Writes a log from a thread of its own, so that a step never waits for a file.
///
/// What is logged is in the file within a second, or at once when `flush()` is called. The destructor flushes, and so does the
/// end of the process by `exit` or by leaving `main`. A `kill -9` costs that last second; how whole the file then is, is the
/// sink's business.
///
/// A disk that is full or fails does not stop a run: it is said once, rows are kept (up to a million numbers, later ones are
/// counted and dropped) and written when there is room again, and what could not be written at the end is said, too.
///
/// Safe to call from several threads. Rows and jobs are done in the order they came.
class LEVIN_API BackgroundLog {
 public:
  /// `prefix` is put in front of every metric's name. When `rows_at_once` rows wait they are written without waiting for the
  /// second to pass.
  explicit BackgroundLog(std::unique_ptr<LogSink> sink, std::string prefix = "", std::size_t rows_at_once = 100'000);
  ~BackgroundLog();
  BackgroundLog(const BackgroundLog&) = delete;
  BackgroundLog& operator=(const BackgroundLog&) = delete;

  /// Logs a row. Costs about 0.1 us; nothing is allocated once the queue has grown. Waits only if the file is more than a
  /// million numbers behind.
  void row(std::span<const Metric> metrics, std::int64_t step);
  /// Something to do on the writer's thread after what was logged before, such as to give the sink something bigger than a
  /// row. Its error becomes a warning.
  void post(std::function<void()> job);
  /// Returns when all that was logged before is written, or could not be (which has been said).
  void flush();

 private:
  // What rows have in common: of those that wait only the numbers are kept. Never changed once it is made, so that the writer's
  // thread reads it without the lock.
  struct Layout {
    std::vector<Metric> metrics;  // without values; the names, with the prefix, are in names_
    bool is_of(std::span<const Metric> row, std::size_t prefix) const;
  };
  struct Entry {
    std::int64_t step;
    double wall_time;
    const Layout* layout;  // null: a job instead of a row
  };
  struct Queue {
    std::vector<Entry> entries;
    std::vector<double> values;  // of the rows, one after the other
    std::vector<std::function<void()>> jobs;
    void clear();
  };

  const Layout* layout_of(std::span<const Metric> row);
  void push(std::unique_lock<std::mutex>& lock, const Entry& entry);
  bool many() const;
  void run();
  void write(Queue& work);
  void take_row(const double* values, const Entry& entry);
  void flush_sink();

  const std::unique_ptr<LogSink> sink_;
  const std::string prefix_;
  const std::size_t rows_at_once_;
  std::mutex mutex_;
  std::condition_variable something_to_do_, something_done_;
  Queue queue_;
  std::unordered_set<std::string> names_;
  std::deque<Layout> layouts_;
  std::unordered_map<std::string, const Layout*> layouts_by_key_;
  const Layout* last_layout_ = nullptr;
  std::uint64_t flushes_wanted_ = 0, flushes_done_ = 0;
  bool closing_ = false;
  // Of the writer's thread.
  std::string failure_;                 // of the last flush; empty: it worked
  std::size_t kept_ = 0, dropped_ = 0;  // numbers in the sink since it worked; rows that found no place
  std::vector<Metric> row_;
  std::thread thread_;
};

}  // namespace levin
