// Our schedulers against rates, momenta and state recorded from torch 2.11.
#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/one_cycle_lr.h"
#include "levin/framework/optim/reduce_lr_on_plateau.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/optim/sgd.h"
#include "optim/recorded.h"
#include "support/catch.h"

using namespace levin;

namespace {

using Scheduler = std::shared_ptr<optim::LRScheduler>;

std::shared_ptr<optim::Optimizer> make_optimizer(const recorded::Json& one) {
  const auto params = recorded::make_params(at::kFloat);
  const std::vector<optim::ParamGroup> groups{{{params[0]}}, {{params[1]}, 0.05}};
  if (one.at("optimizer") == "SGD") return optim::sgd(groups, {.lr = 0.1, .momentum = 0.9});
  return optim::adamw(groups, {.lr = 0.1});
}

template <class S>
Scheduler with_options(std::shared_ptr<optim::Optimizer> optimizer, const Value& options) {
  typename S::Options given;
  read_fields(options, given, "");
  return std::make_shared<S>(std::move(optimizer), given);
}

Scheduler make_scheduler(const recorded::Json& one, std::shared_ptr<optim::Optimizer> optimizer) {
  const std::string name = one.at("scheduler");
  const Value options = recorded::to_value(one.at("options"));
  if (name == "StepLR") return with_options<optim::StepLR>(optimizer, options);
  if (name == "MultiStepLR") return with_options<optim::MultiStepLR>(optimizer, options);
  if (name == "ExponentialLR") return with_options<optim::ExponentialLR>(optimizer, options);
  if (name == "CosineAnnealingLR") return with_options<optim::CosineAnnealingLR>(optimizer, options);
  if (name == "LinearLR") return with_options<optim::LinearLR>(optimizer, options);
  if (name == "ReduceLROnPlateau") return with_options<optim::ReduceLROnPlateau>(optimizer, options);
  if (name == "OneCycleLR") return with_options<optim::OneCycleLR>(optimizer, options);
  return optim::lambda_lr(optimizer, [](std::int64_t epoch) { return 1.0 / (1.0 + static_cast<double>(epoch)); });
}

void step(optim::LRScheduler& scheduler, int epoch) {
  if (scheduler.wants_metric()) scheduler.step(std::cos(0.25 * epoch) + 0.01 * epoch);
  else scheduler.step();
}

/// Equal values under equal keys in equal order; numbers to 1e-12, an infinity is a string there.
void check_equal(const Value& ours, const recorded::Json& torch) {
  INFO(ours.repr() << " and " << torch);
  if (ours.is_dict()) {
    REQUIRE(ours.size() == torch.size());
    auto expected = torch.items().begin();
    for (const auto& [key, value] : ours.as_dict()) {
      CHECK((key.is_int() ? std::to_string(key.as_int()) : key.as_string()) == expected.key());
      check_equal(value, expected.value());
      ++expected;
    }
  } else if (ours.is_list()) {
    REQUIRE(ours.size() == torch.size());
    for (std::size_t i = 0; i < ours.size(); ++i) check_equal(ours.items()[i], torch[i]);
  } else if (ours.is_number() && torch.is_number()) {
    CHECK(ours.number() == Approx(torch.get<double>()).epsilon(1e-12));
  } else if (ours.is_number()) {
    CHECK(ours.repr() == torch.get<std::string>());
  } else {
    CHECK(ours == recorded::to_value(torch));
  }
}

void check_rates(const optim::LRScheduler& scheduler, const recorded::Json& expected) {
  for (std::size_t g = 0; g < 2; ++g) {
    CHECK(scheduler.optimizer().lr(g) == Approx(expected[g].get<double>()).epsilon(1e-12));
    CHECK(scheduler.get_last_lr()[g] == scheduler.optimizer().lr(g));
  }
}

}  // namespace

TEST_CASE("rates, momenta and state are torch's") {
  for (const auto& one : recorded::load("schedulers.json")) {
    INFO(one.at("scheduler") << " " << one.at("optimizer") << " " << one.at("options"));
    const auto optimizer = make_optimizer(one);
    const auto scheduler = make_scheduler(one, optimizer);
    const auto& rates = one.at("rates");
    check_rates(*scheduler, rates[0]);
    for (std::size_t epoch = 0; epoch + 1 < rates.size(); ++epoch) {
      step(*scheduler, static_cast<int>(epoch));
      INFO("epoch " << epoch);
      check_rates(*scheduler, rates[epoch + 1]);
      if (one.at("momenta").empty()) continue;
      const auto betas = optimizer->betas(0);
      CHECK((betas ? betas->at(0) : *optimizer->momentum(0)) == Approx(one.at("momenta")[epoch][0].get<double>()).epsilon(1e-12));
    }
    check_equal(scheduler->state_dict(), one.at("state"));
    std::vector<std::string> keys;
    const Value group = optimizer->state_dict().at("param_groups").items()[0];
    for (const auto& [key, unused] : group.as_dict()) keys.push_back(key.as_string());
    CHECK(keys == one.at("group").get<std::vector<std::string>>());
  }
}

TEST_CASE("a saved and loaded scheduler goes on where it was") {
  for (const auto& one : recorded::load("schedulers.json")) {
    INFO(one.at("scheduler") << " " << one.at("optimizer") << " " << one.at("options"));
    const auto& rates = one.at("rates");
    const auto half = static_cast<int>(rates.size() / 2);
    const auto optimizer = make_optimizer(one);
    const auto scheduler = make_scheduler(one, optimizer);
    for (int epoch = 0; epoch < half; ++epoch) step(*scheduler, epoch);

    const auto other_optimizer = make_optimizer(one);
    const auto resumed = make_scheduler(one, other_optimizer);
    other_optimizer->load_state_dict(optimizer->state_dict());
    resumed->load_state_dict(scheduler->state_dict());
    CHECK(resumed->state_dict() == scheduler->state_dict());
    for (int epoch = half; epoch + 1 < static_cast<int>(rates.size()); ++epoch) {
      step(*resumed, epoch);
      check_rates(*resumed, rates[static_cast<std::size_t>(epoch) + 1]);
    }
    check_equal(resumed->state_dict(), one.at("state"));
  }
}

TEST_CASE("schedulers refuse what torch refuses") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  using Case = std::pair<std::function<void()>, std::string>;
  const std::vector<Case> table{
      {[&] { optim::step_lr(sgd, {}); }, "StepLR needs a step_size of at least 1, got 0"},
      {[&] { optim::linear_lr(sgd, {.start_factor = 0}); },
       "Starting multiplicative factor expected to be greater than 0 and less or equal to 1."},
      {[&] { optim::linear_lr(sgd, {.end_factor = 2}); }, "Ending multiplicative factor expected to be between 0 and 1."},
      {[&] { optim::reduce_lr_on_plateau(sgd, {.factor = 1}); }, "Factor should be < 1.0."},
      {[&] { optim::reduce_lr_on_plateau(sgd, {.mode = "auto"}); }, "mode auto is unknown!"},
      {[&] { optim::reduce_lr_on_plateau(sgd, {.min_lr = std::vector<double>{1, 2}}); }, "expected 1 min_lrs, got 2"},
      {[&] { optim::one_cycle_lr(sgd, {.max_lr = 0.1}); }, "You must define either total_steps OR (epochs AND steps_per_epoch)"},
      {[&] { optim::one_cycle_lr(sgd, {.max_lr = 0.1, .total_steps = -3}); }, "Expected positive integer total_steps, but got -3"},
      {[&] { optim::one_cycle_lr(sgd, {.max_lr = 0.1, .total_steps = 10, .pct_start = 1.5}); },
       "Expected float between 0 and 1 pct_start, but got 1.5"},
      {[&] {
         const auto cycle = optim::one_cycle_lr(sgd, {.max_lr = 0.1, .total_steps = 10});
         for (int i = 0; i < 11; ++i) cycle->step();
       },
       "Tried to step 11 times. The specified number of total steps is 10"},
  };
  for (const auto& [action, words] : table) {
    std::string said = "nothing was thrown";
    try {
      action();
    } catch (const ValueError& error) {
      said = error.what();
    }
    CHECK(said == words);
  }
}

TEST_CASE("a plateau scheduler says that it needs a metric and a NaN is no improvement") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  const auto plateau = optim::reduce_lr_on_plateau(sgd, {.patience = 0});
  CHECK(plateau->wants_metric());
  CHECK_THROWS_AS(plateau->step(), TypeError);
  plateau->step(std::nan(""));
  CHECK(sgd->lr(0) == Approx(0.01));
}
