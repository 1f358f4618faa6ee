#pragma once
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/export.h"
#include "levin/framework/cli/registry.h"

namespace levin {

/// A program's main in one line: runs `body` and turns an exception into one sentence on stderr and an exit code: 1, or 130 for
/// Ctrl-C and 143 for SIGTERM. Returns 0 when nothing was thrown.
///
///     int main() { return levin::run([&] { ... trainer.fit(model, {.train = loader}); }); }
LEVIN_API int run(const std::function<void()>& body);

/// What a program's own command line has of its own, as LightningCLI's arguments.
struct CliOptions {
  /// The one class of model (data module) that this program trains: `--model.lr=0.1` then needs no class. "": any registered one.
  std::string model_class = {};
  std::string data_class = {};
  /// The Trainer's options where nobody gives others: `levin::parse_json(...)` or a dict.
  Value trainer_defaults = Value::dict();
  /// Options that get their value from others: `{{"data.batch_size", "model.batch_size"}}`, source and target.
  std::vector<std::pair<std::string, std::string>> link_arguments = {};
  /// Keep the whole configuration as `config.json` in the run's log folder.
  bool save_config = true;
};

/// The command line `fit|validate|test|predict --config FILE.json [--trainer.max_epochs=3 ...]` for all registered classes; `list` and
/// `schema` tell what can be named; `inspect` and `convert` are for the files that come of it. Returns the exit code.
LEVIN_API int cli(int argc, char** argv, CliOptions options = {});

/// The same for one class of model, and of data module: `int main(int argc, char** argv) { return levin::cli<LitClassifier>(argc, argv); }`.
/// The classes need what LEVIN_REGISTER asks for.
template <class Module, class DataModule = void>
int cli(int argc, char** argv, CliOptions options = {}) {
  options.model_class = class_name(typeid(Module));
  register_class<Module>(options.model_class);
  if constexpr (!std::is_void_v<DataModule>) {
    options.data_class = class_name(typeid(DataModule));
    register_class<DataModule>(options.data_class);
  }
  return cli(argc, argv, std::move(options));
}

}  // namespace levin
