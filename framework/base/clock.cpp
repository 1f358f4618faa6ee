#include "levin/framework/base/clock.h"

#include <chrono>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

template <class ChronoClock>
double seconds_of() {
  return std::chrono::duration<double>(ChronoClock::now().time_since_epoch()).count();
}

class RealClock final : public Clock {
 public:
  double now() const override { return seconds_of<std::chrono::steady_clock>(); }
  double wall() const override { return seconds_of<std::chrono::system_clock>(); }
};

}  // namespace

Clock::~Clock() = default;

Clock& real_clock() {
  static Clock* const clock = new RealClock;  // never destroyed: a static object's destructor may still ask for the time
  return *clock;
}

FakeClock::FakeClock(double wall_at_start) : wall_at_start_(wall_at_start) {}
FakeClock::~FakeClock() = default;

void FakeClock::advance(double seconds) {
  if (!(seconds >= 0))
    throw ValueError("FakeClock.advance: seconds must be 0 or more, got " + python_repr(seconds));
  elapsed_ += seconds;
}

}  // namespace levin
