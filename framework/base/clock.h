#pragma once
#include <atomic>

#include "levin/framework/base/export.h"

namespace levin {

/// Where time comes from, so that a test can hold it in its hand. Safe to read from any thread.
class LEVIN_API Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock();
  /// Seconds since some fixed moment; never goes back, whatever happens to the system's date. For durations.
  virtual double now() const = 0;
  /// Seconds since 1970-01-01 00:00 UTC, as Python's `time.time()`. For dates; can jump.
  virtual double wall() const = 0;
};

/// The machine's clock. Lives as long as the process.
LEVIN_API Clock& real_clock();

/// A clock that stands still until it is told to go on.
class LEVIN_API FakeClock : public Clock {
 public:
  /// `now()` starts at 0, `wall()` at the given date.
  explicit FakeClock(double wall_at_start = 0);
  ~FakeClock() override;
  double now() const override { return elapsed_.load(); }
  double wall() const override { return wall_at_start_ + elapsed_.load(); }
  /// Both readings grow by `seconds`. ValueError if it is negative or NaN: a steady clock never goes back.
  void advance(double seconds);

 private:
  const double wall_at_start_;
  std::atomic<double> elapsed_ = 0;
};

}  // namespace levin
