// Profilers: the actions of a run as Lightning names them, and their reports.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/profilers/advanced_profiler.h"
#include "levin/framework/profilers/pytorch_profiler.h"
#include "levin/framework/profilers/simple_profiler.h"
#include "levin/framework/optim/schedulers.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

/// The names as tests/conformance/record.py has them: a module of class Model, a data module Data, a callback Recorder.
class Model : public TinyModule {
 public:
  explicit Model(const levin::Value& scenario) : data(scenario.at("data")), options(scenario.at("module")) {
    if (const levin::Value* automatic = options.find("automatic_optimization")) automatic_optimization = automatic->as_bool();
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor value = loss(batch);
    if (!automatic_optimization) {
      levin::LightningOptimizer& optimizer = optimizers();
      optimizer.zero_grad();
      manual_backward(value);
      optimizer.step();
    }
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override { return loss(batch); }
  levin::StepOutput test_step(const levin::Batch& batch, std::int64_t) override { return loss(batch); }
  levin::OptimizerConfig configure_optimizers() override {
    const auto optimizer = levin::optim::sgd(parameters(), {.lr = 0.125});
    const levin::Value* interval = options.find("scheduler");
    if (!interval) return optimizer;
    return levin::OptimizerWithScheduler{.optimizer = optimizer, .lr_scheduler = levin::LRSchedulerConfig{
        .scheduler = levin::optim::step_lr(optimizer, {.step_size = 1}), .interval = interval->as_string()}};
  }
  levin::Loaders train_dataloader() override { return tiny_data(data.at("train").as_int()); }
  levin::Loaders val_dataloader() override { return tiny_data(data.at("val").as_int()); }
  levin::Loaders test_dataloader() override { return tiny_data(data.at("test").as_int()); }
  levin::Loaders predict_dataloader() override { return tiny_data(data.at("predict").as_int()); }
  levin::Value data, options;
};

class Data : public levin::LightningDataModule {
 public:
  levin::Loaders train_dataloader() override { return tiny_data(3); }
  levin::Loaders val_dataloader() override { return tiny_data(2); }
};

class Recorder : public levin::Callback {
 public:
  levin::Value state_dict() const override { return levin::Dict{{"recorded", 1}}; }
};

class Actions : public levin::Profiler {
 public:
  void start(const std::string& action) override { seen.push_back(action); }
  void stop(const std::string& action) override { ++stopped[action]; }
  std::vector<std::string> seen;
  std::map<std::string, int> stopped;
};

std::vector<std::string> actions_of(const levin::Value& scenario) {
  const TemporaryFolder folder;
  const levin::CapturedMessages messages;
  levin::TrainerOptions options;
  levin::read_fields(scenario.at("trainer"), options, "trainer");
  const auto profiler = std::make_shared<Actions>();
  options.profiler = profiler;
  options.callbacks = {std::make_shared<Recorder>()};
  options.default_root_dir = folder.path();
  levin::Trainer trainer(quiet(std::move(options)));
  Model module(scenario);
  for (const levin::Value& run : scenario.at("runs").items()) {
    const std::string& fn = run.at("fn").as_string();
    std::shared_ptr<levin::LightningDataModule> data;
    if (run.find("datamodule")) data = std::make_shared<Data>();
    if (fn == "fit") trainer.fit(module, {.datamodule = data});
    else if (fn == "validate") trainer.validate(module, {.verbose = false});
    else if (fn == "test") trainer.test(module, {.verbose = false});
    else trainer.predict(module);
  }
  std::map<std::string, int> started;
  for (const auto& action : profiler->seen) ++started[action];
  CHECK(started == profiler->stopped);
  return profiler->seen;
}

/// Without those that only one of the two has: hooks of Lightning's strategy that do nothing, and hooks that it does not call
/// unless they are overridden.
std::vector<std::string> common(std::vector<std::string> actions) {
  static const std::set<std::string> hooks{"on_train_start", "on_train_end", "on_train_batch_start", "on_validation_start", "on_validation_end",
                                           "on_test_start", "on_test_end", "on_predict_start", "on_predict_end"};
  static const std::set<std::string> not_overridden{"prepare_data", "configure_model", "backward"};
  std::erase_if(actions, [](const std::string& action) {
    const std::string hook = action.substr(action.rfind('.') + 1);
    if (action.starts_with("[Strategy]")) return hooks.count(hook) > 0;
    if (action.starts_with("[LightningDataModule]")) return hook.find("_batch_") != hook.npos;
    return action.starts_with("[LightningModule]") && not_overridden.count(hook) > 0;
  });
  return actions;
}

levin::TrainerOptions profiled(std::shared_ptr<levin::Profiler> profiler) {
  return quiet({.max_epochs = 1, .enable_checkpointing = false, .profiler = std::move(profiler)});
}

std::string read_file(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("actions begin in the order, and have the names, that were recorded of Lightning") {
  const levin::Value scenarios = levin::read_json_file(LEVIN_SOURCE_DIR "/tests/conformance/golden/profiler_actions.json");
  for (const levin::Value& scenario : scenarios.items()) {
    INFO(scenario.at("name").as_string());
    std::vector<std::string> expected;
    for (const levin::Value& action : scenario.at("actions").items()) expected.push_back(action.as_string());
    expected = common(std::move(expected));
    const auto got = common(actions_of(scenario));
    const auto [a, b] = std::mismatch(expected.begin(), expected.end(), got.begin(), got.end());
    INFO("at " << a - expected.begin() << ": Lightning " << (a == expected.end() ? "(end)" : *a) << ", levin " << (b == got.end() ? "(end)" : *b));
    CHECK((a == expected.end() && b == got.end()));
  }
}

TEST_CASE("the simple profiler's tables are Lightning's, byte for byte") {
  for (const bool extended : {true, false}) {
    levin::FakeClock clock;
    levin::SimpleProfiler profiler({.extended = extended}, clock);
    const auto act = [&](const char* name, double seconds) {
      profiler.start(name);
      clock.advance(seconds);
      profiler.stop(name);
    };
    act("short", 0.25);
    act("a longer name of an action", 0.5);
    act("short", 0.75);
    act("tiny", 1e-6 / 3);
    clock.advance(0.5);
    CHECK(profiler.durations("short") == std::vector<double>{0.25, 0.75});
    const std::string file = std::string("simple_profiler_") + (extended ? "extended" : "short") + ".txt";
    CHECK(profiler.summary() == read_file(LEVIN_SOURCE_DIR "/tests/conformance/golden/" + file));
  }
}

TEST_CASE("the simple profiler refuses what does not fit together") {
  levin::SimpleProfiler profiler;
  profiler.start("a");
  CHECK_THROWS_WITH(profiler.start("a"), "Attempted to start a which has already started.");
  CHECK_THROWS_WITH(profiler.stop("b"), "Attempting to stop recording an action (b) which was never started.");
}

TEST_CASE("a run with the simple profiler reports to the console, or to a file in the log folder") {
  const TemporaryFolder folder;
  TinyModule module;
  {
    const levin::CapturedMessages messages;
    levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false, .profiler = "simple"}));
    trainer.fit(module, {.train = tiny_data(3)});
    CHECK(messages.infos().back().starts_with("FIT Profiler Report\n"));
    CHECK(messages.infos().back().find("[Strategy]SingleDeviceStrategy.training_step") != std::string::npos);
  }
  const levin::CapturedMessages messages;
  auto options = profiled(std::make_shared<levin::SimpleProfiler>(levin::SimpleProfilerOptions{.filename = "perf", .extended = false}));
  options.default_root_dir = folder.path();
  levin::Trainer trainer(std::move(options));
  trainer.fit(module, {.train = tiny_data(3)});
  CHECK(read_file(folder / "fit-perf.txt").find("run_training_batch") != std::string::npos);
}

TEST_CASE("the advanced profiler sees the functions that take the time") {
  levin::AdvancedProfiler profiler({.line_count_restriction = 5});
  profiler.start("sines");
  double sum = 0;
  // Until the clock of the process has ticked a few times, whatever the machine's load.
  for (std::int64_t i = 0; profiler.samples() < 3 && i < 4'000'000'000; ++i) sum += std::sin(static_cast<double>(i));
  profiler.stop("sines");
  CHECK(std::isfinite(sum));
  const std::string report = profiler.summary();
  CHECK(report.starts_with("Profiler Report\nProfile stats for: sines\n"));
  CHECK(report.find("samples in 0.0") != std::string::npos);
  CHECK(std::count(report.begin(), report.end(), '\n') <= 14);
  CHECK_THROWS_WITH(profiler.stop("b"), "Attempting to stop recording an action (b) which was never started.");
  levin::AdvancedProfiler second;
  CHECK_THROWS_AS(second.start("x"), levin::RuntimeError);
  profiler.teardown();
  second.start("x");
}

TEST_CASE("the PyTorch profiler writes a trace of a few steps and a table of operators") {
  for (const std::int64_t batches : {1, 9}) {
    const TemporaryFolder folder;
    const levin::CapturedMessages messages;
    auto options = profiled(std::make_shared<levin::PyTorchProfiler>(levin::PyTorchProfilerOptions{.dirpath = folder.path(), .filename = "trace"}));
    options.limit_val_batches = 0;
    levin::Trainer trainer(std::move(options));
    TinyModule module;
    trainer.fit(module, {.train = tiny_data(batches)});
    const levin::Value trace = levin::read_json_file(folder / "fit-trace.pt.trace.json");
    std::int64_t steps = 0, operators = 0;
    for (const levin::Value& event : trace.at("traceEvents").items()) {
      const levin::Value* name = event.find("name");
      if (!name || !name->is_string()) continue;
      steps += name->as_string() == "[pl][profile]run_training_batch";
      operators += name->as_string() == "aten::mul";
    }
    CHECK(steps == (batches == 1 ? 1 : 3));
    CHECK(operators >= steps);
    const std::string report = read_file(folder / "fit-trace.txt");
    CHECK(report.starts_with("FIT Profiler Report\nProfile stats for: records\n"));
    CHECK(report.find("aten::mul") != std::string::npos);
  }
  CHECK_THROWS_AS(levin::PyTorchProfiler({.sort_by_key = "foo"}), levin::MisconfigurationException);
}

TEST_CASE("a run that fails leaves the profiler usable") {
  class Failing : public TinyModule {
   public:
    levin::StepOutput training_step(const levin::Batch&, std::int64_t) override { throw levin::ValueError("boom"); }
  };
  const levin::CapturedMessages messages;
  Failing module;
  const auto profiler = std::make_shared<levin::SimpleProfiler>();
  levin::Trainer trainer(profiled(profiler));
  CHECK_THROWS_AS(trainer.fit(module, {.train = tiny_data(1)}), levin::ValueError);
  CHECK(profiler->durations("run_training_epoch").size() == 1);
  CHECK(profiler->durations("[Strategy]SingleDeviceStrategy.training_step").size() == 1);
}
