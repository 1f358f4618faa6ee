#pragma once
#include "levin/framework/base/export.h"

namespace levin {

/// Time as an interface, so that tests need not wait.
class LEVIN_API Clock {
 public:
  virtual ~Clock();
  /// Seconds that only ever grow; from an arbitrary start.
  virtual double now() const = 0;
  /// Seconds since 1970.
  virtual double wall() const = 0;
};

LEVIN_API Clock& real_clock();

/// A clock that stands still until told otherwise.
class LEVIN_API FakeClock : public Clock {
 public:
  double now() const override { return seconds_; }
  double wall() const override { return seconds_; }
  void advance(double seconds) { seconds_ += seconds; }

 private:
  double seconds_ = 0;
};

}  // namespace levin
