// GradScaler against what torch's did (tests/conformance/record_precision.py), and what it refuses.
#include <ATen/ATen.h>

#include <cmath>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/optim/optimizers.h"
#include "levin/framework/precision/grad_scaler.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace {

using levin::GradScaler;
using levin::Value;

// The recording's formulas.
at::Tensor formula(std::int64_t count, const std::function<double(double)>& value) {
  at::Tensor out = at::empty({count}, at::kDouble);
  for (std::int64_t k = 0; k < count; ++k) out.data_ptr<double>()[k] = value(static_cast<double>(k));
  return out.to(at::kFloat);
}

std::vector<at::Tensor> parameters() {
  std::vector<at::Tensor> out;
  for (const std::int64_t count : {4, 3}) out.push_back(formula(count, [](double k) { return std::cos(0.7 * k); }).requires_grad_());
  return out;
}

at::Tensor loss(const std::vector<at::Tensor>& params, std::int64_t step) {
  at::Tensor out = at::zeros({});
  for (const at::Tensor& p : params)
    out = out + (p * formula(p.numel(), [&](double k) { return std::sin(0.3 * static_cast<double>(step) + k); })).sum();
  return out;
}

std::shared_ptr<levin::optim::Optimizer> optimizer(const Value& c, const std::vector<at::Tensor>& params) {
  const double lr = c.at("options").at("lr").number();
  const Value* momentum = c.at("options").find("momentum");
  const std::string& name = c.at("optimizer").as_string();
  if (name == "SGD") return levin::optim::sgd(params, {.lr = lr, .momentum = momentum ? momentum->number() : 0});
  if (name == "Adam") return levin::optim::adam(params, {.lr = lr});
  REQUIRE(name == "RMSprop");
  return levin::optim::rmsprop(params, {.lr = lr});
}

std::vector<double> numbers(const Value& list) {
  std::vector<double> out;
  for (const Value& one : list.items()) out.push_back(one.number());
  return out;
}

}  // namespace

TEST_CASE("the scale grows and shrinks as torch's, and the same steps are left out") {
  const Value cases = levin::read_json_file(LEVIN_SOURCE_DIR "/tests/data/precision/grad_scaler.json");
  REQUIRE(cases.size() == 6);
  for (const Value& c : cases.items()) {
    INFO(c.at("optimizer").as_string() << " " << c.at("scaler").repr());
    levin::GradScalerOptions options;
    levin::read_fields(c.at("scaler"), options, "scaler");
    GradScaler scaler(options);
    const auto params = parameters();
    const auto opt = optimizer(c, params);
    std::vector<double> scales, trackers;
    for (std::int64_t step = 0; step < static_cast<std::int64_t>(c.at("scales").size()); ++step) {
      opt->zero_grad();
      scaler.scale(loss(params, step)).backward();
      if (const Value* overflow = c.at("overflows").find(std::to_string(step))) {
        const std::string& kind = overflow->as_string();
        params[1].grad()[2] = kind == "nan" ? std::nan("") : kind == "inf" ? INFINITY : -INFINITY;
      }
      if (c.find("unscale")) scaler.unscale_(*opt);
      scaler.step(*opt);
      scaler.update();
      scales.push_back(scaler.get_scale());
      const Value state = scaler.state_dict();
      trackers.push_back(state.size() > 0 ? state.at("_growth_tracker").number() : 0);
    }
    CHECK(scales == numbers(c.at("scales")));
    CHECK(trackers == numbers(c.at("trackers")));
    CHECK(scaler.state_dict().repr(1000) == c.at("state").repr(1000));
    for (std::size_t i = 0; i < params.size(); ++i) {
      const auto expected = numbers(c.at("params").items()[i]);
      for (std::size_t k = 0; k < expected.size(); ++k)
        CHECK(params[i].detach()[static_cast<std::int64_t>(k)].item<double>() == Approx(expected[k]).margin(1e-6));
    }
  }
}

TEST_CASE("unscale_ leaves the gradients of the loss itself") {
  const auto params = parameters(), plain = parameters();
  const auto opt = levin::optim::sgd(params, {.lr = 0.1});
  GradScaler scaler;
  loss(plain, 3).backward();
  scaler.scale(loss(params, 3)).backward();
  CHECK(at::equal(params[0].grad(), plain[0].grad() * 65536.0));
  scaler.unscale_(*opt);
  for (std::size_t i = 0; i < params.size(); ++i) CHECK(at::equal(params[i].grad(), plain[i].grad()));
}

TEST_CASE("one of two optimizers that overflows is left out alone, and the scale shrinks for both") {
  const auto params = parameters();
  const auto first = levin::optim::sgd(std::vector<at::Tensor>{params[0]}, {.lr = 0.1});
  const auto second = levin::optim::rmsprop(std::vector<at::Tensor>{params[1]}, {.lr = 0.1});
  GradScaler scaler;
  scaler.scale(loss(params, 0)).backward();
  params[1].grad()[0] = INFINITY;
  const at::Tensor before[] = {params[0].detach().clone(), params[1].detach().clone()};
  scaler.step(*first);
  scaler.step(*second);
  scaler.update();
  CHECK(!at::equal(params[0], before[0]));
  CHECK(at::equal(params[1], before[1]));
  CHECK(scaler.get_scale() == 32768.0);
}

TEST_CASE("a scaler that takes over another's state goes on as that one") {
  GradScaler first({.growth_interval = 3}), second;
  const auto params = parameters();
  const auto opt = levin::optim::sgd(params, {.lr = 0.1});
  const auto iterate = [&](GradScaler& scaler) {
    opt->zero_grad();
    scaler.scale(loss(params, 0)).backward();
    scaler.step(*opt);
    scaler.update();
  };
  iterate(first), iterate(first);
  second.load_state_dict(first.state_dict());  // before it has seen a loss
  CHECK(second.state_dict() == first.state_dict());
  iterate(first), iterate(second);
  CHECK((first.get_scale() == 131072.0 && second.get_scale() == 131072.0));
  iterate(first);
  second.load_state_dict(first.state_dict());  // after it has
  CHECK(second.state_dict() == first.state_dict());
}

TEST_CASE("a scaler is used in order, on what it can scale") {
  CHECK(error_of([] { GradScaler({.growth_factor = 1.0}); }) == "ValueError: The growth factor must be > 1.0.");
  CHECK(error_of([] { GradScaler({.backoff_factor = 1.0}); }) == "ValueError: The backoff factor must be < 1.0.");
  GradScaler scaler;
  auto params = parameters();
  const auto opt = levin::optim::sgd(params, {.lr = 0.1});
  CHECK(error_of([&] { scaler.step(*opt); }).find("RuntimeError: Attempted step but _scale is None.") == 0);
  CHECK(error_of([&] { scaler.update(); }).find("RuntimeError: Attempted update but _scale is None.") == 0);
  scaler.scale(loss(params, 0)).backward();
  CHECK(error_of([&] { scaler.update(); }) == "RuntimeError: No inf checks were recorded prior to update.");
  scaler.unscale_(*opt);
  CHECK(error_of([&] { scaler.unscale_(*opt); }).find("RuntimeError: unscale_() has already been called") == 0);
  scaler.step(*opt);
  CHECK(error_of([&] { scaler.unscale_(*opt); }) == "RuntimeError: unscale_() is being called after step().");
  CHECK(error_of([&] { scaler.step(*opt); }) == "RuntimeError: step() has already been called since the last update().");
  scaler.update();
  opt->zero_grad();
  CHECK(error_of([&] { scaler.unscale_(*opt); }).find("RuntimeError: No inf checks were recorded for this optimizer") == 0);
  CHECK(error_of([&] { scaler.load_state_dict(Value::dict()); }).find("RuntimeError: The source state dict is empty") == 0);

  const std::vector<at::Tensor> half{at::ones({2}, at::kHalf).requires_grad_()};
  const auto of_half = levin::optim::sgd(half, {.lr = 0.1});
  half[0].mutable_grad() = at::ones({2}, at::kHalf);
  CHECK(error_of([&] { scaler.unscale_(*of_half); }) == "ValueError: Attempting to unscale FP16 gradients.");

  scaler.update(8.0);
  CHECK(scaler.get_scale() == 8.0);
}
