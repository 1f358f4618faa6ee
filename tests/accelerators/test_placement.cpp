// What is on a device and what happens to it, with LibTorch's meta device in a GPU's place: it computes nothing, so no number is read.
#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <mutex>
#include <set>

#include "levin/framework/results/metric_value.h"
#include "levin/framework/strategies/strategy.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

std::mutex mutex;
std::set<std::string> called;

std::unique_ptr<at::ObserverContext> note(const at::RecordFunction& function) {
  const std::lock_guard lock(mutex);
  called.insert(function.name());
  return nullptr;
}

}  // namespace

TEST_CASE("gradients, which LibTorch's `to` leaves where they are, go to the device too") {
  struct Net : TinyModule {
    using TinyModule::to;
    void to(torch::Device, bool) override { moved = true; }  // LibTorch's can't go to the meta device
    bool moved = false;
  } module;
  module.w.mutable_grad() = at::ones_like(module.w);
  levin::Strategy strategy(at::kMeta);
  strategy.setup(module, /*training=*/true);
  CHECK(module.moved);
  CHECK(module.w.grad().is_meta());
}

TEST_CASE("a running sum on a device is not changed in place, since the one before the batch shares its tensor") {
  using levin::MetricValue;
  MetricValue sum = MetricValue::of(at::empty({}, at::device(at::kMeta)));
  const MetricValue before = sum;
  called.clear();
  const auto handle = at::addGlobalCallback(at::RecordFunctionCallback(&note).scopes({at::RecordScope::FUNCTION}));
  sum.add(MetricValue::of(at::empty({}, at::device(at::kMeta))), 4.0);
  at::removeCallback(handle);
  CHECK(called.contains("aten::add"));
  CHECK_FALSE(called.contains("aten::add_"));
}
