#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/metric.h"
#include "levin/framework/base/value.h"

namespace levin {

class Checkpoint;
class LightningModule;

/// The base of all loggers. The Trainer calls it on rank 0 only; several loggers get the same calls in the order given. A
/// logger of your own implements the first three functions and `log_metrics`; `FileLogger` has them for one that writes files.
class LEVIN_API Logger {
 public:
  virtual ~Logger();

  /// The experiment's name and version: they make the folder `<save_dir>/<name>/<version>`.
  virtual std::string name() const = 0;
  /// "version_0" for a number, the text itself for a string.
  virtual std::string version() const = 0;
  /// The root folder, or none for a logger that writes no files (then `default_root_dir` stands in).
  virtual std::optional<std::string> save_dir() const { return std::nullopt; }
  /// The folder of all versions of the experiment, or none.
  virtual std::optional<std::string> root_dir() const { return std::nullopt; }
  /// Where this run's files are.
  virtual std::optional<std::string> log_dir() const { return save_dir(); }

  /// Called before the `setup` hooks of every fit, validate, test and predict, with that name: folders are made here, and not
  /// before.
  virtual void open(std::string_view stage) { (void)stage; }
  /// One row: `step` is Lightning's x-axis (batches that stepped, from 0).
  virtual void log_metrics(std::span<const Metric> metrics, std::int64_t step) = 0;
  /// A dict of hyperparameters, once per run, right after `on_fit_start`.
  virtual void log_hyperparams(const Value& params) { (void)params; }
  /// Right after that: the module, for loggers that draw its graph from `example_input_array`.
  virtual void log_graph(LightningModule& module) { (void)module; }
  /// Everything logged so far is written when this returns. The Trainer calls it after each `log_metrics`.
  virtual void save() {}
  /// Whether what is logged reaches the disk soon without `save`: then the Trainer leaves out its calls after each row, which
  /// would make every step wait for a file.
  virtual bool saves_by_itself() const { return false; }
  /// The run is over: "success" or "failed". Everything must be on disk afterwards.
  virtual void finalize(std::string_view status) { (void)status; save(); }
  /// A checkpoint was written; it names itself in `last_checkpoint_saved`.
  virtual void after_save_checkpoint(const Checkpoint& checkpoint) { (void)checkpoint; }
};

}  // namespace levin
