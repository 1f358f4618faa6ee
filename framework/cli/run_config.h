#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/base/config/config.h"
#include "levin/framework/cli/cli.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

/// What somebody typed.
struct CommandLine {
  std::string command;                   ///< "fit", "validate", "test", "predict"
  std::vector<std::string> configs;      ///< files, in order
  std::vector<std::string> assignments;  ///< `--trainer.max_epochs=3` and the like
  std::optional<std::string> ckpt_path;
};

/// Everything that the command line asks for, and where it comes from: later ones win of the program's defaults, the environment
/// (`PL_FIT__TRAINER__MAX_EPOCHS`, `PL_FIT__CONFIG`), the files in order, the assignments in order, the hyperparameters of the
/// checkpoint at `ckpt_path`.
Config gather_config(const CommandLine& line, const CliOptions& options);

/// The whole configuration: every option with its value, links applied. What `--print_config` shows and `config.json` keeps.
Value resolve_config(const Config& config, const CliOptions& options);

/// The objects that a configuration describes.
struct Instances {
  std::shared_ptr<LightningDataModule> data;  ///< null if none is given
  std::shared_ptr<LightningModule> model;
  std::unique_ptr<Trainer> trainer;
  std::optional<std::string> ckpt_path;
};

/// Seeds, then makes data, model and trainer (with `extra` callbacks). All that is wrong is one ValueError, each thing with the place
/// where it was written. The seed in use goes into `resolved`.
Instances instantiate(const Config& config, Value& resolved, const std::vector<std::shared_ptr<Callback>>& extra);

}  // namespace levin
