#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/metric.h"

namespace levin {

class LogWriter;
struct LogLayout;

/// The file behind a log. `BackgroundLog` calls it from its own thread only.
class LEVIN_API LogSink {
 public:
  virtual ~LogSink();
  /// Takes a row; `wall_time` is when it was logged, in seconds since 1970.
  virtual void row(std::span<const Metric> metrics, std::int64_t step, double wall_time) = 0;
  /// Writes what has gathered. An OSError means that it was kept and that the next flush tries again.
  virtual void flush() = 0;
};

/// Writes a log in the background, so that a step never waits for a file. One thread of the process does that for all logs.
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
  /// `prefix` is put in front of every metric's name. When `rows_at_once` rows wait they are written within a tenth of a
  /// second.
  explicit BackgroundLog(std::unique_ptr<LogSink> sink, std::string prefix = "", std::size_t rows_at_once = 100'000);
  ~BackgroundLog();
  BackgroundLog(const BackgroundLog&) = delete;
  BackgroundLog& operator=(const BackgroundLog&) = delete;

  /// Logs a row. Costs about 0.1 us, and less within a `SharedRow`; nothing is allocated once the queue has grown. Waits only if the files
  /// are more than a million numbers behind.
  void row(std::span<const Metric> metrics, std::int64_t step);
  /// Something to do on the writer's thread after what was logged before, such as to give the sink something bigger than a
  /// row. Its error becomes a warning. It must not flush or destroy a log: it would wait for itself. Waits if a thousand of them are
  /// in line: an image is a megabyte.
  void post(std::function<void()> job);
  /// Returns when all that was logged before is written, or could not be (which has been said).
  void flush();

 private:
  friend class LogWriter;
  friend class SharedRow;
  static constexpr std::size_t most_waiting = 1'000'000;  // numbers
  static constexpr std::size_t most_jobs = 1000;

  // What the writer's thread calls.
  void take_row(const LogLayout& layout, const double* values, std::int64_t step, double wall_time);
  void take_job(const std::function<void()>& job);
  bool is_due() const { return rows_ >= rows_at_once_; }
  bool flush_sink();
  const std::vector<Metric>& names_of(const LogLayout& layout);

  const std::unique_ptr<LogSink> sink_;
  const std::string prefix_;
  const std::size_t rows_at_once_;
  const std::shared_ptr<LogWriter> writer_;
  // Of the writer's thread.
  bool touched_ = false;                // since the last flush that worked
  std::size_t rows_ = 0;                // since the last flush
  std::string failure_;                 // of the last flush; empty: it worked
  std::size_t kept_ = 0, dropped_ = 0;  // numbers in the sink since it worked; rows that found no place
  std::vector<Metric> row_;
  struct Prefixed {
    std::deque<std::string> names;
    std::vector<Metric> metrics;
  };
  std::unordered_map<const LogLayout*, Prefixed> prefixed_;
};

/// For a row that goes to several logs: they are given `row` while this lives, and its end puts it into their queue once for all.
/// A copy of it, or another row, is logged as ever, and so is everything after; the order stays. Neither the row nor its names may
/// change meanwhile. For the thread that made it.
class LEVIN_API SharedRow {
 public:
  SharedRow(std::span<const Metric> row, std::int64_t step);
  ~SharedRow();
  SharedRow(const SharedRow&) = delete;
  SharedRow& operator=(const SharedRow&) = delete;

 private:
  friend class BackgroundLog;
  bool take(BackgroundLog& log, std::span<const Metric> row, std::int64_t step);
  void send();

  const std::span<const Metric> row_;
  const std::int64_t step_;
  SharedRow* const outer_;
  std::array<BackgroundLog*, 8> logs_;  // that have been given it and wait for the end
  std::size_t count_ = 0;
};

}  // namespace levin
