#pragma once
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "levin/framework/callback.h"
#include "levin/framework/data/loaders.h"
#include "levin/framework/loops/loop_options.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/results/metric_map.h"
#include "levin/framework/trainer/trainer_options.h"

namespace levin {

class FitLoop;
class LightningDataModule;
class Run;
class Strategy;
enum class TrainerFn : std::uint8_t;

/// What to train and validate on: loaders, or a data module, or neither (then the module's own `*_dataloader` hooks).
struct FitArguments {
  Loaders train = {};
  Loaders val = {};
  std::shared_ptr<LightningDataModule> datamodule = nullptr;
  /// A checkpoint to resume from: a path, "last" (the newest by what is inside the files), "best", or "hpc" (what a preempted run
  /// saved). With `last` a file that can't be read gives way to the newest older one that can, and a warning says so.
  std::optional<std::string> ckpt_path = std::nullopt;
  /// With "last": a file that can't be read is a CheckpointError instead.
  bool strict_ckpt = false;
};

/// What to validate, test or predict on.
struct EvaluateArguments {
  Loaders dataloaders = {};
  std::shared_ptr<LightningDataModule> datamodule = nullptr;
  /// The weights to use: a path, "last" or "best"; none: the model as it is.
  std::optional<std::string> ckpt_path = std::nullopt;
  /// Print the results as a table (validate and test).
  bool verbose = true;
  /// Keep the outputs (predict).
  bool return_predictions = true;
  /// With "last": a file that can't be read is a CheckpointError, instead of giving way to an older one.
  bool strict_ckpt = false;
};

/// One map per loader: the logged epoch metrics.
using EvaluateResults = std::vector<MetricMap>;
/// Per loader, the output of each batch.
using Predictions = std::vector<std::vector<StepOutput>>;

/// Runs a LightningModule: `Trainer trainer({.max_epochs = 10}); trainer.fit(model, {.train = loader});`
///
/// The constructor checks every option and throws (MisconfigurationException, ValueError, TypeError) in Lightning's words.
/// A second `fit` on one Trainer continues where the first ended. Several Trainers may live in one process.
class LEVIN_API Trainer {
 public:
  explicit Trainer(TrainerOptions options = {});
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains. Whatever stops it early comes out as an exception after the `on_exception` hooks: KeyboardInterrupt for Ctrl-C,
  /// SIGTERMException for SIGTERM, the user's own otherwise. Nothing that was written is lost.
  void fit(LightningModule& module, FitArguments arguments = {});
  EvaluateResults validate(LightningModule& module, EvaluateArguments arguments = {});
  EvaluateResults test(LightningModule& module, EvaluateArguments arguments = {});
  Predictions predict(LightningModule& module, EvaluateArguments arguments = {});

  // The same for a module whose type is known, which tells what it overrides, and for shared modules.
  template <std::derived_from<LightningModule> M>
  void fit(M& module, FitArguments arguments = {}) { fit(known(module), std::move(arguments)); }
  template <std::derived_from<LightningModule> M>
  EvaluateResults validate(M& module, EvaluateArguments arguments = {}) { return validate(known(module), std::move(arguments)); }
  template <std::derived_from<LightningModule> M>
  EvaluateResults test(M& module, EvaluateArguments arguments = {}) { return test(known(module), std::move(arguments)); }
  template <std::derived_from<LightningModule> M>
  Predictions predict(M& module, EvaluateArguments arguments = {}) { return predict(known(module), std::move(arguments)); }
  template <std::derived_from<LightningModule> M>
  void fit(std::shared_ptr<M> module, FitArguments arguments = {}) {
    keep(module);
    fit(*module, std::move(arguments));
  }

  /// Writes a checkpoint of the current state, atomically and durably. AttributeError before any run.
  void save_checkpoint(const std::string& path, bool weights_only = false);

  // ---- Where the run is ------------------------------------------------------------------------------------------------------
  /// Epochs completed; during epoch n it is n.
  std::int64_t current_epoch() const;
  /// Optimizer steps taken.
  std::int64_t global_step() const;
  bool should_stop() const;
  /// Ask the run to end: after the current batch's validation, once `min_epochs` and `min_steps` are met.
  void set_should_stop(bool stop = true);
  bool training() const;
  bool validating() const;
  bool testing() const;
  bool predicting() const;
  bool sanity_checking() const;
  TrainerFn fn() const;
  bool is_last_batch() const;
  std::int64_t num_training_batches() const;
  std::vector<std::int64_t> num_val_batches() const;
  std::vector<std::int64_t> num_predict_batches() const;
  bool enable_validation() const;
  std::optional<std::int64_t> max_epochs() const;
  /// Changes the limit for the next `fit`.
  void set_max_epochs(std::int64_t max_epochs);
  std::int64_t max_steps() const;
  /// From the next batch on.
  void set_accumulate_grad_batches(std::int64_t batches);
  bool fast_dev_run() const;
  bool interrupted() const;

  // ---- What was logged -------------------------------------------------------------------------------------------------------
  /// What callbacks may monitor.
  const MetricMap& callback_metrics();
  const MetricMap& logged_metrics();
  const MetricMap& progress_bar_metrics();

  // ---- Parts -----------------------------------------------------------------------------------------------------------------
  const std::vector<std::shared_ptr<Callback>>& callbacks() const;
  std::vector<Checkpoint*> checkpoint_callbacks() const;
  /// The first checkpoint callback or null.
  Checkpoint* checkpoint_callback() const;
  const std::vector<std::shared_ptr<Logger>>& loggers() const;
  Logger* logger() const;
  Strategy& strategy() const;
  LightningModule* lightning_module() const;
  const std::vector<std::shared_ptr<optim::Optimizer>>& optimizers() const;
  const std::vector<LRSchedulerConfig>& lr_scheduler_configs() const;
  const std::string& default_root_dir() const { return default_root_dir_; }
  /// The first logger's folder, else `default_root_dir`.
  std::string log_dir() const;
  /// The file this run was resumed from, "" if none.
  const std::string& ckpt_path() const { return ckpt_path_; }
  /// Whether this run itself, resumed by `ckpt_path="last"`, had written the file after the checkpoint that it goes on from: it will
  /// come to that point again, so the file may be written anew under the same name.
  bool wrote_after_resume_point(const std::string& path) const;
  int global_rank() const;
  bool is_global_zero() const { return global_rank() == 0; }
  const LoopOptions& loop_options() const;
  const TrainerOptions& options() const { return options_; }
  FitLoop& fit_loop();
  Run& run();

 private:
  class Link;
  struct Impl;
  template <class M>
  static LightningModule& known(M& module) {
    if constexpr (!std::is_same_v<M, LightningModule>) module.note_overrides(overrides_of<M>());
    return module;
  }
  void keep(std::shared_ptr<LightningModule> module);

  TrainerOptions options_;
  std::string default_root_dir_, ckpt_path_;
  std::unique_ptr<Impl> impl_;
};

/// A shared object of class T from its options: `levin::make<levin::ModelCheckpoint>({.monitor = "val_loss"})`.
template <class T>
std::shared_ptr<T> make(typename T::Options options = {}) {
  auto object = std::make_shared<T>(std::move(options));
  if constexpr (std::derived_from<T, LightningModule>) object->note_overrides(overrides_of<T>());
  return object;
}

}  // namespace levin
