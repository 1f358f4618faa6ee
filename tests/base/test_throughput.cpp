#include "levin/framework/base/errors.h"
#include "levin/framework/base/throughput.h"
#include "support/catch.h"

using namespace levin;

namespace {

std::string text(const Throughput& throughput) {
  std::string out;
  for (const auto& rate : throughput.compute()) {
    char number[64];
    std::snprintf(number, sizeof number, rate.integer ? "%.0f" : "%.6g", rate.value);
    out += (out.empty() ? "" : " ") + rate.name + "=" + number;
  }
  return out;
}

}  // namespace

TEST_CASE("rates appear when the window is full, over the last updates") {
  Throughput throughput({.window_size = 3});
  throughput.update({.time = 2, .batches = 1, .samples = 4});
  throughput.update({.time = 2.5, .batches = 2, .samples = 8});
  CHECK(text(throughput) == "time=2.5 batches=2 samples=8");
  throughput.update({.time = 4, .batches = 3, .samples = 16});
  CHECK(text(throughput) == "time=4 batches=3 samples=16 device/batches_per_sec=1 device/samples_per_sec=6");
  throughput.update({.time = 4.5, .batches = 5, .samples = 20});
  CHECK(text(throughput) == "time=4.5 batches=5 samples=20 device/batches_per_sec=1.5 device/samples_per_sec=6");
  throughput.reset();
  CHECK(throughput.time() == 0);
  CHECK_THROWS_AS(throughput.compute(), RuntimeError);
}

TEST_CASE("items, FLOPs, the share of the peak, and all devices together") {
  Throughput throughput({.available_flops = 1000, .world_size = 4, .window_size = 2, .separator = "."});
  throughput.update({.time = 1, .batches = 1, .samples = 2, .lengths = 20, .flops = 77});
  throughput.update({.time = 3, .batches = 2, .samples = 4, .lengths = 60, .flops = 500});
  CHECK(text(throughput) ==
        "time=3 batches=2 samples=4 lengths=60 device.batches_per_sec=0.5 device.samples_per_sec=1 batches_per_sec=2 samples_per_sec=4 "
        "device.items_per_sec=20 items_per_sec=80 flops_per_sec=1000 device.flops_per_sec=250 device.mfu=0.25");
}

TEST_CASE("totals that make no sense are errors and change nothing") {
  Throughput throughput({.window_size = 2});
  throughput.update({.time = 1, .batches = 1, .samples = 2});
  CHECK_THROWS_WITH(throughput.update({.time = 1, .batches = 2, .samples = 4}), "Expected the value to increase, last: 1.0, current: 1.0");
  CHECK_THROWS_WITH(throughput.update({.time = 2, .batches = 1, .samples = 4}), "Expected the value to increase, last: 1, current: 1");
  CHECK_THROWS_WITH(throughput.update({.time = 2, .batches = 5, .samples = 4}), "Expected samples (4) to be greater or equal than batches (5)");
  CHECK_THROWS_AS(throughput.update({.time = 2, .batches = 2, .samples = 4, .lengths = 9}), RuntimeError);
  CHECK(text(throughput) == "time=1 batches=1 samples=2");
  CHECK_THROWS_WITH(Throughput({.window_size = 1}), "`window_size` should be at least 2, got 1");
  CHECK_THROWS_WITH(Throughput({.world_size = 0}), "`world_size` should be at least 1, got 0");
}
