#include "levin/framework/base/clock.h"

#include <chrono>

namespace levin {
namespace {

class RealClock final : public Clock {
 public:
  double now() const override { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
  double wall() const override { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }
};

}  // namespace

Clock::~Clock() = default;

Clock& real_clock() {
  static RealClock clock;
  return clock;
}

}  // namespace levin
