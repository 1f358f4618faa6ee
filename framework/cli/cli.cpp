#include "levin/framework/cli/cli.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <unistd.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/terminal.h"
#include "levin/framework/cli/file_commands.h"
#include "levin/framework/cli/plugin.h"
#include "levin/framework/cli/run_config.h"
#include "levin/framework/cli/save_config_callback.h"

namespace levin {
namespace {

struct Arguments {
  CommandLine line;
  std::vector<std::string> plugins;
  std::string ckpt_path, help_class;
  bool print_config = false, overwrite_config = false, no_save_config = false;
};

std::string metrics_text(Trainer& trainer) {
  std::string out;
  for (const auto& [name, value] : trainer.callback_metrics()) {
    if (name.ends_with("_step")) continue;
    out += (out.empty() ? "" : ", ") + name + "=" + python_format(value.item(), ".4f");
  }
  return out;
}

std::string done_line(Trainer& trainer, std::chrono::steady_clock::time_point begin) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::string line = "Done: " + metrics_text(trainer);
  if (const Checkpoint* checkpoint = trainer.checkpoint_callback(); checkpoint && !checkpoint->best_model_path().empty())
    line += "; best checkpoint: " + checkpoint->best_model_path();
  return line + "; " + python_format(took.count(), ".1f") + " s";
}

void run_command(const std::string& command, const Instances& made, std::chrono::steady_clock::time_point begin) {
  Trainer& trainer = *made.trainer;
  if (command == "fit") {
    trainer.fit(*made.model, {.datamodule = made.data, .ckpt_path = made.ckpt_path});
    if (trainer.is_global_zero()) print_line(done_line(trainer, begin));
    return;
  }
  const EvaluateArguments arguments{.datamodule = made.data, .ckpt_path = made.ckpt_path};
  if (command == "validate") {
    trainer.validate(*made.model, arguments);
  } else if (command == "test") {
    trainer.test(*made.model, arguments);
  } else {
    const Predictions predictions = trainer.predict(*made.model, arguments);
    std::size_t batches = 0;
    for (const auto& loader : predictions) batches += loader.size();
    if (trainer.is_global_zero()) print_line("Predicted " + std::to_string(batches) + " batches");
  }
}

void execute(const Arguments& arguments, const CliOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const Config config = gather_config(arguments.line, options);
  Value resolved = resolve_config(config, options);
  const bool saves = options.save_config && !arguments.no_save_config;
  const auto save_config = std::make_shared<SaveConfigCallback>(arguments.overwrite_config);
  const Instances made = instantiate(config, resolved, saves ? std::vector<std::shared_ptr<Callback>>{save_config} : std::vector<std::shared_ptr<Callback>>{});
  save_config->set_config(dump_json(resolved) + "\n");
  run_command(arguments.line.command, made, begin);
}

void print_config(const Arguments& arguments, const CliOptions& options) {
  const Config config = gather_config(arguments.line, options);
  Value resolved = resolve_config(config, options);
  {
    // What is wrong with it is said here, and not when it is used; nothing else is.
    const CapturedMessages quiet;
    instantiate(config, resolved, {});
  }
  print_line(dump_json(resolved));
}

void print_class_help(const std::string& name) {
  const Catalog catalog = registered_classes();
  const auto found = catalog.named(name);
  if (found.empty()) {
    std::vector<std::string> names;
    for (const auto& [kind, classes] : catalog.kinds)
      for (const ClassDescription& one : classes) names.push_back(one.name);
    const std::string near = nearest_name(name, names);
    throw ValueError("--help " + name + ": unknown class" + (near.empty() ? "; `list` shows those there are" : "; did you mean '" + near + "'?"));
  }
  for (const auto& [kind, description] : found)
    print_line(description->name + ", a " + kind + ". Its init_args:\n" + options_text(description->fields, "", terminal_columns(STDOUT_FILENO, 100)));
}

void print_help(CLI::App& command, const CliOptions& options) {
  const int columns = terminal_columns(STDOUT_FILENO, 100);
  const Catalog catalog = registered_classes();
  std::string text = command.help();
  text += "\nThe trainer's options:\n" + options_text(catalog.trainer, "--trainer.", columns);
  const auto fixed = [&](const char* section, const char* kind, const std::string& name) {
    if (const ClassDescription* found = name.empty() ? nullptr : catalog.find(kind, name))
      text += "\nThe options of " + name + ":\n" + options_text(found->fields, std::string("--") + section + ".", columns);
  };
  fixed("model", "module", options.model_class);
  fixed("data", "data module", options.data_class);
  print_line(text + "\n`list` shows all classes, --help CLASS the options of one.");
}

class Commands {
 public:
  Commands(CLI::App& app, const CliOptions& options) : app_(app), options_(options) {
    app.add_option("-c,--config", arguments_.line.configs, "a configuration with a part for each command")->type_name("FILE")->take_all();
    app.add_option("--plugin", arguments_.plugins, "a shared library that registers more classes")->type_name("FILE")->take_all();
    add_run("fit", "Train");
    add_run("validate", "Evaluate on the validation data");
    add_run("test", "Evaluate on the test data");
    add_run("predict", "Predict");
    add("list", "Show all classes that a configuration can name", [] { print_line(list_text(registered_classes())); });
    add("schema", "Print a JSON Schema of configurations, for editors", [] { print_line(dump_json(json_schema(registered_classes()))); });
    add_file_commands(app, file_command_);
  }

  int chosen() {
    if (file_command_) return file_command_();
    return run([&] {
      for (const std::string& path : arguments_.plugins) load_plugin(path);
      command_();
    });
  }

 private:
  void add_run(const char* name, const char* what) {
    CLI::App* command = add(name, what, nullptr);
    command->set_help_flag();
    CLI::Option* help = command->add_option("-h,--help", arguments_.help_class, "this text, or the options of a class")->type_name("[CLASS]")->expected(0, 1);
    command->add_option("-c,--config", arguments_.line.configs, "a JSON configuration; several are merged in order")->type_name("FILE")->take_all();
    CLI::Option* ckpt_path = command->add_option("--ckpt_path", arguments_.ckpt_path, "a checkpoint to go on from: a path, last or best")->type_name("PATH");
    command->add_flag("--print_config", arguments_.print_config, "print the whole configuration, defaults too, and end");
    command->add_flag("--overwrite_config", arguments_.overwrite_config, "replace a config.json of an earlier run in the log folder");
    command->add_flag("--no_save_config", arguments_.no_save_config, "don't keep the configuration as config.json in the log folder");
    command->allow_extras();
    command->footer(
        "Any key of the configuration can be set: --trainer.max_epochs=3 --model.init_args.lr 0.01 --model NAME\n"
        "--trainer.callbacks+=NAME --trainer.callbacks.patience=5 --trainer FILE.json. Later values win. The environment gives\n"
        "defaults: PL_FIT__TRAINER__MAX_EPOCHS=3.");
    command->callback([this, name, command, help, ckpt_path] {
      command_ = [this, name, command, help, ckpt_path] {
        if (*help) return arguments_.help_class.empty() ? print_help(*command, options_) : print_class_help(arguments_.help_class);
        arguments_.line.command = name;
        arguments_.line.assignments = command->remaining();
        if (*ckpt_path) arguments_.line.ckpt_path = arguments_.ckpt_path;
        arguments_.print_config ? print_config(arguments_, options_) : execute(arguments_, options_);
      };
    });
  }

  CLI::App* add(const char* name, const char* what, std::function<void()> action) {
    CLI::App* command = app_.add_subcommand(name, what);
    command->add_option("--plugin", arguments_.plugins, "a shared library that registers more classes")->type_name("FILE")->take_all();
    command->callback([this, action = std::move(action)] { command_ = action; });
    return command;
  }

  CLI::App& app_;
  const CliOptions& options_;
  Arguments arguments_;
  std::function<void()> command_;
  std::function<int()> file_command_;
};

}  // namespace

int cli(int argc, char** argv, CliOptions options) {
  CLI::App app("levin " LEVIN_VERSION ": trains LightningModules from JSON configurations and looks into checkpoints");
  app.set_version_flag("--version", LEVIN_VERSION);
  app.require_subcommand(1);
  Commands commands(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  return commands.chosen();
}

}  // namespace levin
