#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

class Checkpoint;
class LightningModule;

/// One logged number. `name` lives as long as the call; `integer` asks for `3` rather than `3.0` in text formats.
struct Metric {
  std::string_view name;
  double value;
  bool integer = false;
};

/// The base of all loggers. The Trainer calls it on rank 0 only; several loggers get the same calls in the order given.
class LEVIN_API Logger {
 public:
  virtual ~Logger();

  /// The experiment's name and version: they make the folder `<save_dir>/<name>/<version>`.
  virtual std::string name() const = 0;
  /// "version_0" for a number, the text itself for a string.
  virtual std::string version() const = 0;
  /// The root folder, or none for a logger that writes no files (then `default_root_dir` stands in).
  virtual std::optional<std::string> save_dir() const { return std::nullopt; }
  /// Where this run's files are.
  virtual std::optional<std::string> log_dir() const { return save_dir(); }

  /// Called before the `setup` hooks of every fit, validate, test and predict: folders are made here, and not before.
  virtual void open() {}
  /// One row: `step` is Lightning's x-axis (batches that stepped, from 0).
  virtual void log_metrics(std::span<const Metric> metrics, std::int64_t step) = 0;
  /// A dict of hyperparameters, once per run, right after `on_fit_start`.
  virtual void log_hyperparams(const Value& params) { (void)params; }
  /// Right after that: the module, for loggers that draw its graph from `example_input_array`.
  virtual void log_graph(LightningModule& module) { (void)module; }
  /// Called after each `log_metrics`: write out what is due.
  virtual void save() {}
  /// The run is over: "success", "failed" or "finished". Everything must be on disk afterwards.
  virtual void finalize(std::string_view status) { (void)status; }
  /// A checkpoint was written.
  virtual void after_save_checkpoint(const Checkpoint& checkpoint) { (void)checkpoint; }
};

}  // namespace levin
