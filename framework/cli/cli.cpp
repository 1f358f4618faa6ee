#include "levin/framework/cli/cli.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/cli/config.h"
#include "levin/framework/cli/file_commands.h"
#include "levin/framework/cli/registry.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/trainer/trainer.h"
#include "levin/version.h"

namespace levin {
namespace {

struct Arguments {
  std::string command;
  std::vector<std::string> configs, overrides;
  std::string ckpt_path;
};

Value load_config(const Arguments& arguments) {
  Value config = Value::dict();
  for (const std::string& path : arguments.configs) {
    const Value file = read_json_file(path);
    try {
      read_run_config(file);
    } catch (const Error&) {
      rethrow_at(path);
    }
    config = merge_configs(config, file);
  }
  apply_overrides(config, arguments.overrides);
  if (!arguments.ckpt_path.empty()) config["ckpt_path"] = arguments.ckpt_path;
  return config;
}

TrainerOptions trainer_options(const Value& config) {
  TrainerOptions options;
  read_fields(config, options, "trainer");
  return options;
}

std::string metrics_text(Trainer& trainer) {
  std::string out;
  for (const auto& [name, value] : trainer.callback_metrics()) {
    if (name.ends_with("_step")) continue;
    out += (out.empty() ? "" : ", ") + name + "=" + python_format(value.item(), ".4f");
  }
  return out;
}

void execute(const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  register_builtins();
  const RunConfig config = read_run_config(load_config(arguments));
  if (config.model.is_none()) {
    throw ValueError("no model is given; add \"model\": {\"class_path\": ...} to the configuration or --model NAME. Known models:" + [] {
      std::string names;
      for (const std::string& name : module_registry().names()) names += " " + name;
      return names;
    }());
  }
  if (config.seed_everything) {
    const std::int64_t seed = seed_everything(*config.seed_everything);
    rank_zero_info("Seed set to " + std::to_string(seed));
  }
  const TrainerOptions options = trainer_options(config.trainer);
  std::shared_ptr<LightningDataModule> data;
  if (!config.data.is_none()) data = data_registry().make(config.data, "data");
  const std::shared_ptr<LightningModule> model = module_registry().make(config.model, "model");

  Trainer trainer(options);
  if (arguments.command == "fit") {
    trainer.fit(*model, {.datamodule = data, .ckpt_path = config.ckpt_path});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::string line = "Done: " + metrics_text(trainer);
    if (const Checkpoint* checkpoint = trainer.checkpoint_callback(); checkpoint && !checkpoint->best_model_path().empty())
      line += "; best checkpoint: " + checkpoint->best_model_path();
    print_line(line + "; " + python_format(took.count(), ".1f") + " s");
  } else if (arguments.command == "validate") {
    trainer.validate(*model, {.datamodule = data, .ckpt_path = config.ckpt_path});
  } else if (arguments.command == "test") {
    trainer.test(*model, {.datamodule = data, .ckpt_path = config.ckpt_path});
  } else {
    const Predictions predictions = trainer.predict(*model, {.datamodule = data, .ckpt_path = config.ckpt_path});
    std::size_t batches = 0;
    for (const auto& loader : predictions) batches += loader.size();
    print_line("Predicted " + std::to_string(batches) + " batches");
  }
}

}  // namespace

int cli(int argc, char** argv) {
  CLI::App app("levin " LEVIN_VERSION ": trains LightningModules from JSON configurations and looks into checkpoints");
  app.set_version_flag("--version", LEVIN_VERSION);
  app.require_subcommand(1);
  Arguments arguments;
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("-c,--config", arguments.configs, "a JSON configuration; several are merged in order")->type_name("FILE")->take_all();
    command->add_option("--ckpt_path", arguments.ckpt_path, "a checkpoint to go on from: a path, last or best");
    command->allow_extras();
    command->footer(
        "Any key of the configuration can be set: --trainer.max_epochs=3 --model.init_args.lr 0.01 --model NAME\n"
        "--trainer.callbacks+=NAME. Later values win.");
    command->callback([&arguments, name, command] {
      arguments.command = name;
      arguments.overrides = command->remaining();
    });
  };
  add("fit", "Train");
  add("validate", "Evaluate on the validation data");
  add("test", "Evaluate on the test data");
  add("predict", "Predict");
  std::function<int()> file_command;
  add_file_commands(app, file_command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  return file_command ? file_command() : run([&] { execute(arguments); });
}

}  // namespace levin
