#pragma once
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// A run as a configuration describes it: LightningCLI's shape. See docs/configuration.md.
struct RunConfig {
  std::optional<std::int64_t> seed_everything;
  Value trainer = Value::dict();
  Value model;   ///< {"class_path", "init_args"}
  Value data;    ///< the same, or none
  std::optional<std::string> ckpt_path;
};

/// Lays `over` on `under`: dicts are merged key by key, everything else is replaced. A changed `class_path` drops the old
/// `init_args`.
LEVIN_API Value merge_configs(const Value& under, const Value& over);

/// Applies `--trainer.max_epochs=3`, `--model.init_args.lr 0.1`, `--model.lr=0.1` (init_args may be left out), `--model NAME`,
/// `--trainer.callbacks+=NAME`. A value is JSON if it reads as JSON, else a string. ValueError for an argument of another shape.
LEVIN_API void apply_overrides(Value& config, const std::vector<std::string>& arguments);

/// Checks the top-level keys and takes them apart.
LEVIN_API RunConfig read_run_config(const Value& config);

}  // namespace levin
