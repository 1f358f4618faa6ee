// Every hook of callbacks, module and data module, in the order that Lightning calls them (tests/conformance/record.py).
#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/class_fields.h"
#include "support/catch.h"
#include "support/recorded_module.h"

namespace {

using recorded::Trace;

/// Files as Lightning writes them: without the `levin` block, with which a resume enters the run where it was left, not where
/// Lightning does.
class PlainFiles : public levin::CheckpointIO {
 public:
  void save_checkpoint(const levin::Value& checkpoint, const std::string& path) override {
    levin::Value plain = checkpoint.clone();
    plain.as_dict().erase("levin");
    CheckpointIO::save_checkpoint(plain, path);
  }
};

levin::TrainerOptions options_of(const levin::Value& scenario, const levin::Value& run, const std::string& folder) {
  levin::Value given = scenario.at("trainer").clone();
  if (const levin::Value* more = run.find("trainer"))
    for (const auto& [key, value] : more->as_dict()) given[key.as_string()] = value;
  levin::TrainerOptions options;
  levin::read_fields(given, options, "trainer");
  options.default_root_dir = folder;
  options.plugins = {std::make_shared<PlainFiles>()};
  if (!options.barebones) return quiet(std::move(options));
  options.enable_checkpointing.reset();
  return options;
}

void call(levin::Trainer& trainer, levin::LightningModule& module, const levin::Value& run, std::shared_ptr<levin::LightningDataModule> data,
          const std::optional<std::string>& ckpt_path) {
  const std::string& fn = run.at("fn").as_string();
  const levin::EvaluateArguments arguments{.datamodule = data, .ckpt_path = ckpt_path, .verbose = false};
  if (fn == "fit") trainer.fit(module, {.datamodule = data, .ckpt_path = ckpt_path});
  else if (fn == "validate") trainer.validate(module, arguments);
  else if (fn == "test") trainer.test(module, arguments);
  else trainer.predict(module, arguments);
}

Trace play(const levin::Value& scenario) {
  const TemporaryFolder folder;
  const levin::CapturedMessages messages;
  Trace trace;
  std::unique_ptr<levin::Trainer> trainer;
  std::unique_ptr<recorded::Module> module;
  std::string best;
  for (const levin::Value& run : scenario.at("runs").items()) {
    // One trainer for all runs, unless a run has arguments of its own.
    if (!trainer || run.find("trainer")) {
      auto options = options_of(scenario, run, folder.path());
      options.callbacks = {std::make_shared<recorded::Recorder>(trace)};
      trainer = std::make_unique<levin::Trainer>(std::move(options));
      module = std::make_unique<recorded::Module>(trace, scenario.at("data"), scenario.at("module"));
      module->note_overrides(levin::overrides_of<recorded::Module>());
    }
    std::shared_ptr<levin::LightningDataModule> data;
    if (run.find("datamodule")) data = std::make_shared<recorded::Data>(trace, scenario.at("data"), *trainer);
    trace.push_back("-- " + run.at("fn").as_string());
    try {
      call(*trainer, *module, run, data, run.find("ckpt_path") ? std::optional(best) : std::nullopt);
    } catch (const levin::Error& error) {
      trace.push_back(std::string("-- ") + error.name());
      if (trace.back() != "-- Boom" && trace.back() != "-- KeyboardInterrupt") trace.push_back(error.what());
    }
    if (trainer->checkpoint_callback()) best = trainer->checkpoint_callback()->best_model_path();
  }
  return trace;
}

/// "" if both are the same, else the first place where they part.
std::string difference(const Trace& expected, const Trace& got) {
  std::size_t i = 0;
  while (i < expected.size() && i < got.size() && expected[i] == got[i]) ++i;
  if (i == expected.size() && i == got.size()) return "";
  const auto line = [&](const Trace& trace) { return i < trace.size() ? trace[i] : std::string("(the end)"); };
  return "line " + std::to_string(i) + ": Lightning " + line(expected) + ", levin " + line(got) + ", after " + (i ? expected[i - 1] : "");
}

}  // namespace

TEST_CASE("hooks are called in the order that was recorded of Lightning") {
  const levin::Value scenarios = levin::read_json_file(LEVIN_SOURCE_DIR "/tests/conformance/golden/hook_traces.json");
  REQUIRE(scenarios.size() >= 45);
  for (const levin::Value& scenario : scenarios.items()) {
    INFO(scenario.at("name").as_string());
    Trace expected;
    for (const levin::Value& line : scenario.at("trace").items()) expected.push_back(line.as_string());
    CHECK(difference(expected, play(scenario)) == "");
  }
}
