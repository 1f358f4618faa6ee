// Our schedulers against rates, momenta and state recorded from torch 2.11.
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/optim/sgd.h"
#include "optim/recorded.h"
#include "support/catch.h"

#include <map>

using namespace levin;

namespace {

using Scheduler = std::shared_ptr<optim::LRScheduler>;

std::shared_ptr<optim::Optimizer> make_optimizer(const recorded::Json& one) {
  const auto params = recorded::make_params(at::kFloat);
  const std::vector<optim::ParamGroup> groups{{{params[0]}}, {{params[1]}, 0.05}};
  std::shared_ptr<optim::Optimizer> optimizer;
  if (one.at("optimizer") == "SGD") optimizer = optim::sgd(groups, {.lr = 0.1, .momentum = 0.9});
  else optimizer = optim::adamw(groups, {.lr = 0.1});
  if (one.at("options").contains("last_epoch")) {
    optimizer->set_initial_lr(0, 0.2);
    optimizer->set_initial_lr(1, 0.08);
  }
  return optimizer;
}

/// The recorder's functions.
double function(const std::string& name, double x) {
  if (name == "inverse") return 1.0 / (1.0 + x);
  if (name == "wave") return 1.0 + 0.25 * std::sin(x);
  if (name == "root") return 1.0 / std::sqrt(x + 2.0);
  throw ValueError("no function " + name);
}

optim::LRLambda lr_lambda(const std::string& name) {
  return [name](std::int64_t epoch) { return function(name, static_cast<double>(epoch)); };
}

template <class S>
Scheduler with_options(std::shared_ptr<optim::Optimizer> optimizer, recorded::Json options) {
  typename S::Options given;
  if constexpr (requires { given.scale_fn; }) {
    if (options.contains("scale_fn")) given.scale_fn = [name = std::string(options["scale_fn"])](double x) { return function(name, x); };
    options.erase("scale_fn");
  }
  read_fields(recorded::to_value(options), given, "");
  return std::make_shared<S>(std::move(optimizer), given);
}

template <class S>
Scheduler with_function(std::shared_ptr<optim::Optimizer> optimizer, const recorded::Json& options) {
  const auto& given = options.at("lr_lambda");
  const std::int64_t last_epoch = options.value("last_epoch", -1);
  if (given.is_string()) return std::make_shared<S>(optimizer, lr_lambda(given), last_epoch);
  std::vector<optim::LRLambda> functions;
  for (const auto& name : given) functions.push_back(lr_lambda(name));
  return std::make_shared<S>(optimizer, functions, last_epoch);
}

Scheduler make_scheduler(const std::string& name, const recorded::Json& options, const std::shared_ptr<optim::Optimizer>& optimizer) {
  using Make = Scheduler (*)(std::shared_ptr<optim::Optimizer>, recorded::Json);
  static const std::map<std::string, Make> by_name{
      {"StepLR", with_options<optim::StepLR>},
      {"MultiStepLR", with_options<optim::MultiStepLR>},
      {"ConstantLR", with_options<optim::ConstantLR>},
      {"LinearLR", with_options<optim::LinearLR>},
      {"ExponentialLR", with_options<optim::ExponentialLR>},
      {"PolynomialLR", with_options<optim::PolynomialLR>},
      {"CosineAnnealingLR", with_options<optim::CosineAnnealingLR>},
      {"CosineAnnealingWarmRestarts", with_options<optim::CosineAnnealingWarmRestarts>},
      {"ReduceLROnPlateau", with_options<optim::ReduceLROnPlateau>},
      {"OneCycleLR", with_options<optim::OneCycleLR>},
      {"CyclicLR", with_options<optim::CyclicLR>},
  };
  if (const auto found = by_name.find(name); found != by_name.end()) return found->second(optimizer, options);
  if (name == "LambdaLR") return with_function<optim::LambdaLR>(optimizer, options);
  if (name == "MultiplicativeLR") return with_function<optim::MultiplicativeLR>(optimizer, options);
  std::vector<Scheduler> schedulers;
  for (const auto& one : options.at("schedulers")) schedulers.push_back(make_scheduler(one[0], one[1], optimizer));
  if (name == "ChainedScheduler") return optim::chained_scheduler(schedulers);
  REQUIRE(name == "SequentialLR");
  return optim::sequential_lr(optimizer, {.schedulers = schedulers, .milestones = options.at("milestones")});
}

Scheduler make_scheduler(const recorded::Json& one, const std::shared_ptr<optim::Optimizer>& optimizer) {
  return make_scheduler(one.at("scheduler"), one.at("options"), optimizer);
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
      for (std::size_t g = 0; g < 2; ++g) {
        const auto betas = optimizer->betas(g);
        CHECK((betas ? betas->at(0) : *optimizer->momentum(g)) == Approx(one.at("momenta")[epoch + 1][g].get<double>()).epsilon(1e-12));
      }
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
      step(*scheduler, epoch);
      step(*resumed, epoch);
      CHECK(resumed->get_last_lr() == scheduler->get_last_lr());  // to the bit
      check_rates(*resumed, rates[static_cast<std::size_t>(epoch) + 1]);
    }
    CHECK(resumed->state_dict() == scheduler->state_dict());
    CHECK(other_optimizer->state_dict() == optimizer->state_dict());
  }
}

TEST_CASE("schedulers refuse what torch refuses") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  const auto other = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
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
      {[&] { optim::one_cycle_lr(sgd, {.max_lr = std::vector<double>{0.1, 0.2}, .total_steps = 10}); },
       "max_lr must have the same length as optimizer.param_groups. max_lr has 2 values, param_groups has 1."},
      {[&] { optim::constant_lr(sgd, {.factor = 1.5}); }, "Constant multiplicative factor expected to be between 0 and 1."},
      {[&] { optim::exponential_lr(sgd, {}); }, "ExponentialLR needs a gamma, say 0.95"},
      {[&] { optim::cosine_annealing_lr(sgd, {}); }, "CosineAnnealingLR needs a T_max of at least 1, got 0"},
      {[&] { optim::cosine_annealing_warm_restarts(sgd, {}); }, "Expected positive integer T_0, but got 0"},
      {[&] { optim::cosine_annealing_warm_restarts(sgd, {.T_0 = 3, .T_mult = 0}); }, "Expected integer T_mult >= 1, but got 0"},
      {[&] { optim::lambda_lr(sgd, {lr_lambda("root"), lr_lambda("wave")}); }, "Expected 1 lr_lambdas, but got 2"},
      {[&] { optim::cyclic_lr(sgd, {}); }, "CyclicLR needs a max_lr, say 0.1"},
      {[&] { optim::cyclic_lr(sgd, {.max_lr = 0.1, .mode = "sawtooth"}); }, "mode is invalid and scale_fn is None"},
      {[&] { optim::cyclic_lr(sgd, {.base_lr = std::vector<double>{}, .max_lr = 0.1}); },
       "base_lr must have the same length as optimizer.param_groups. base_lr has 0 values, param_groups has 1."},
      {[&] { optim::sequential_lr(sgd, {}); }, "SequentialLR expects at least one scheduler, but got no scheduler."},
      {[&] { optim::sequential_lr(sgd, {.schedulers = {step_lr(sgd, {.step_size = 1})}, .milestones = {3}}); },
       "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got "
       "number of schedulers 1 and the number of milestones to be equal to 1"},
      {[&] { optim::sequential_lr(sgd, {.schedulers = {step_lr(other, {.step_size = 1})}}); },
       "SequentialLR expects all schedulers to belong to the same optimizer, but got scheduler StepLR at index 0 has another one"},
      {[&] { optim::chained_scheduler({}); }, "ChainedScheduler expects at least one scheduler to be chained, but got no scheduler."},
      {[&] { optim::chained_scheduler({step_lr(sgd, {.step_size = 1}), reduce_lr_on_plateau(sgd)}); },
       "ChainedScheduler does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be specified when calling "
       "`step`, but got one at index 1 in the given schedulers sequence."},
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

TEST_CASE("a schedule that goes on behind an epoch needs the first rates") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  CHECK_THROWS_AS(optim::exponential_lr(sgd, {.gamma = 0.5, .last_epoch = 3}), KeyError);
  sgd->set_initial_lr(0, 0.4);
  const auto scheduler = optim::exponential_lr(sgd, {.gamma = 0.5, .last_epoch = 3});
  CHECK(scheduler->last_epoch() == 4);
  CHECK(sgd->lr(0) == 0.1);
}

TEST_CASE("only the first of a SequentialLR may be made of schedulers") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  const auto chained = optim::chained_scheduler({optim::exponential_lr(sgd, {.gamma = 0.5})});
  const auto scheduler = optim::sequential_lr(sgd, {.schedulers = {optim::constant_lr(sgd), chained}, .milestones = {1}});
  CHECK_THROWS_AS(scheduler->step(), NotImplementedError);
}

TEST_CASE("attributes of Python's callables are left out with a warning") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  const auto scheduler = optim::lambda_lr(sgd, lr_lambda("root"));
  Value state = scheduler->state_dict();
  CHECK(state.at("lr_lambdas") == Value::list({Value()}));
  state["lr_lambdas"] = Value::list({Dict{{"warmup", 10}}});
  const CapturedMessages messages;
  scheduler->load_state_dict(state);
  REQUIRE(messages.warnings().size() == 1);
  CHECK_THAT(messages.warnings()[0], Catch::Contains("LambdaLR: the state has attributes of a callable object, {'warmup': 10}"));
}

TEST_CASE("a chain in the state that is not the scheduler's is refused") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  const auto one = optim::chained_scheduler({optim::constant_lr(sgd)});
  const auto two = optim::chained_scheduler({optim::constant_lr(sgd), optim::constant_lr(sgd)});
  CHECK_THROWS_AS(one->load_state_dict(two->state_dict()), ValueError);
}

TEST_CASE("a scheduler may step before its optimizer ever did, without a word") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  const CapturedMessages messages;
  optim::exponential_lr(sgd, {.gamma = 0.5})->step();
  CHECK(sgd->lr(0) == Approx(0.05));
  CHECK(messages.messages().empty());
}

TEST_CASE("a schedule goes to an epoch, and CosineAnnealingWarmRestarts within one, as torch's does") {
  const auto of = [](auto make, std::vector<double> rates) {
    const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 1.0});
    const std::shared_ptr<optim::LRScheduler> scheduler = make(sgd);
    INFO(scheduler->class_name());
    scheduler->step();
    scheduler->step(3.0);
    CHECK(sgd->lr(0) == Approx(rates[0]).epsilon(1e-12));
    scheduler->step();
    CHECK(sgd->lr(0) == Approx(rates[1]).epsilon(1e-12));
    CHECK(scheduler->state_dict().at("last_epoch") == Value(4));
    CHECK(scheduler->state_dict().at("_step_count") == Value(4));
  };
  const CapturedMessages messages;
  of([](auto sgd) { return optim::step_lr(sgd, {.step_size = 2}); }, {0.1, 0.01});
  of([](auto sgd) { return optim::multi_step_lr(sgd, {.milestones = {2, 4}}); }, {0.1, 0.01});
  of([](auto sgd) { return optim::linear_lr(sgd, {.start_factor = 0.25, .total_iters = 4}); }, {0.8125, 1.0});
  of([](auto sgd) { return optim::exponential_lr(sgd, {.gamma = 0.5}); }, {0.125, 0.0625});
  of([](auto sgd) { return optim::polynomial_lr(sgd, {.total_iters = 6, .power = 2.0}); }, {0.25, 0.11111111111111113});
  of([](auto sgd) { return optim::cosine_annealing_lr(sgd, {.T_max = 8}); }, {0.6913417161825449, 0.5});
  of([](auto sgd) { return optim::lambda_lr(sgd, [](std::int64_t epoch) { return 1.0 / (1.0 + static_cast<double>(epoch)); }); }, {0.25, 0.2});
  CHECK(messages.warnings().size() == 1);  // once: torch advises against it

  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 1.0});
  const auto restarts = optim::cosine_annealing_warm_restarts(sgd, {.T_0 = 10, .T_mult = 2, .eta_min = 0.1});
  const struct {
    double epoch, rate;
    std::int64_t last_epoch;
    double T_cur;
    std::int64_t T_i;
  } recorded[] = {{3.5, 0.7542957248827961, 3, 3.5, 10}, {26, 0.18594235253127372, 26, 16, 20},  {-1, 0.1490470641152345, 27, 17, 20},
                  {31.25, 0.9978331270024886, 31, 1.25, 40}, {9.75, 0.10138719982009242, 9, 9.75, 10}, {70, 1.0, 70, 0, 80}};
  for (const auto& one : recorded) {
    INFO(one.epoch);
    if (one.epoch < 0) restarts->step();
    else restarts->step(one.epoch);
    const Value state = restarts->state_dict();
    CHECK(sgd->lr(0) == Approx(one.rate).epsilon(1e-12));
    CHECK(state.at("last_epoch") == Value(one.last_epoch));
    CHECK(state.at("T_cur").number() == one.T_cur);
    CHECK(state.at("T_i") == Value(one.T_i));
  }
  CHECK_THROWS_WITH(restarts->step(-1.0), "Expected non-negative epoch, but got -1.0");
  CHECK_THROWS_WITH(optim::step_lr(sgd, {.step_size = 2})->step(1.5), Catch::Contains("StepLR.step(epoch): the epoch must be a whole number, got 1.5"));
  const std::shared_ptr<optim::LRScheduler> chained = optim::chained_scheduler({optim::constant_lr(sgd)});
  CHECK_THROWS_AS(chained->step(2.0), TypeError);
}

TEST_CASE("Python's rates in tensors and whole numbers in floats are taken") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.5});
  const auto scheduler = optim::cosine_annealing_warm_restarts(sgd, {.T_0 = 4});
  Value state = scheduler->state_dict();
  state["base_lrs"] = Value::list({Value::scalar_tensor(0.25)});
  state["_last_lr"] = Value::list({Value::scalar_tensor(0.125)});
  state["T_cur"] = 1.5;
  state["T_i"] = 8.0;
  scheduler->load_state_dict(state);
  CHECK(scheduler->get_last_lr() == std::vector<double>{0.125});
  const Value after = scheduler->state_dict();
  CHECK(after.at("base_lrs") == Value::list({0.25}));
  CHECK(after.at("T_cur") == Value(1.5));
  CHECK(after.at("T_i") == Value(8));
  state["T_i"] = 8.5;
  CHECK_THROWS_WITH(scheduler->load_state_dict(state), Catch::Contains("T_i"));
}

TEST_CASE("CyclicLR behind another scheduler begins at the first one's rate") {
  const auto sgd = optim::sgd(recorded::make_params(at::kFloat), {.lr = 0.1});
  const auto first = optim::step_lr(sgd, {.step_size = 2});
  const auto cyclic = optim::cyclic_lr(sgd, {.base_lr = 0.01, .max_lr = 0.2, .step_size_up = 4, .cycle_momentum = false});
  CHECK(sgd->lr(0) == Approx(0.1));
  cyclic->step();
  CHECK(sgd->lr(0) == Approx(0.0575));
}
