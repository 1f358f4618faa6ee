#include <ctime>
#include <limits>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;

TEST_CASE("a fake clock stands still until it is advanced") {
  FakeClock clock(1000);
  CHECK(clock.now() == 0);
  CHECK(clock.wall() == 1000);
  clock.advance(2.5);
  clock.advance(0);
  CHECK(clock.now() == 2.5);
  CHECK(clock.wall() == 1002.5);
}

TEST_CASE("a fake clock never goes back") {
  FakeClock clock;
  CHECK_THROWS_WITH(clock.advance(-1), "FakeClock.advance: seconds must be 0 or more, got -1.0");
  CHECK_THROWS_AS(clock.advance(std::numeric_limits<double>::quiet_NaN()), ValueError);
  CHECK(clock.now() == 0);
}

TEST_CASE("the real clock goes on, and its wall time is the system's") {
  const Clock& clock = real_clock();
  const double start = clock.now();
  while (clock.now() == start) {
  }
  CHECK(clock.now() > start);
  CHECK(clock.wall() == Approx(static_cast<double>(std::time(nullptr))).margin(2));
}
