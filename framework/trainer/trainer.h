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
class GradScaler;
class Precision;
class LightningDataModule;
class Run;
class Strategy;
enum class TrainerFn : std::uint8_t;
enum class Stage : std::uint8_t;
/// Where a Trainer is: not yet run, running, or how its last run ended.
enum class TrainerStatus : std::uint8_t { initializing, running, finished, interrupted };

/// Lightning's `trainer.state`. `fn` is none before the first run, and stays afterwards.
struct TrainerState {
  TrainerStatus status;
  std::optional<TrainerFn> fn;
  Stage stage;
};

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

/// What a DistributedSampler of one's own needs to give this process its share.
struct DistributedSamplerKwargs {
  int num_replicas, rank;
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

  /// While the result lives, layers are made in the run's precision: `const auto context = trainer.init_module(); MyModule module;`.
  [[nodiscard]] std::shared_ptr<void> init_module() const;

  /// Writes a checkpoint of the current state, atomically and durably. AttributeError before any run.
  void save_checkpoint(const std::string& path, bool weights_only = false);

  /// A line of output from rank 0, as `self.print`.
  void print(std::string_view text) const;

  // ---- Where the run is ------------------------------------------------------------------------------------------------------
  /// Epochs completed; during epoch n it is n.
  std::int64_t current_epoch() const;
  /// Optimizer steps taken.
  std::int64_t global_step() const;
  bool should_stop() const;
  /// Ask the run to end: after the current batch's validation, once `min_epochs` and `min_steps` are met.
  void set_should_stop(bool stop = true);
  TrainerState state() const;
  bool training() const;
  bool validating() const;
  bool testing() const;
  bool predicting() const;
  /// Sanity check, validation or test.
  bool evaluating() const;
  bool sanity_checking() const;
  TrainerFn fn() const;
  bool is_last_batch() const;
  /// Batches that a training epoch takes; `unlimited` for a loader without length, and before there is one.
  std::int64_t num_training_batches() const;
  /// Batches that the sanity check, a validation, a test or a prediction takes of each loader; empty before there are loaders.
  std::vector<std::int64_t> num_sanity_val_batches() const;
  std::vector<std::int64_t> num_val_batches() const;
  std::vector<std::int64_t> num_test_batches() const;
  std::vector<std::int64_t> num_predict_batches() const;
  /// Optimizer steps that `fit` will take in all, for schedulers that need to know; `unlimited` when nothing limits it. May be asked
  /// in `configure_optimizers`: the training loader is then set up there.
  std::int64_t estimated_stepping_batches();
  /// What the run uses; empty before it has asked for them.
  Loaders train_dataloader() const;
  const Loaders& val_dataloaders() const;
  const Loaders& test_dataloaders() const;
  const Loaders& predict_dataloaders() const;
  bool enable_validation() const;
  std::optional<std::int64_t> max_epochs() const;
  /// Changes the limit for the next `fit`.
  void set_max_epochs(std::int64_t max_epochs);
  std::int64_t min_epochs() const;
  std::int64_t max_steps() const;
  std::optional<std::int64_t> min_steps() const;
  std::int64_t accumulate_grad_batches() const;
  /// As resolved: 1.0 when not given.
  const BatchLimit& limit_train_batches() const { return loop_options().limit_train_batches; }
  const BatchLimit& limit_val_batches() const { return loop_options().limit_val_batches; }
  const BatchLimit& limit_test_batches() const { return loop_options().limit_test_batches; }
  const BatchLimit& limit_predict_batches() const { return loop_options().limit_predict_batches; }
  /// From the next batch on.
  void set_accumulate_grad_batches(std::int64_t batches);
  bool fast_dev_run() const;
  bool interrupted() const;
  /// SIGTERM arrived during this run.
  bool received_sigterm() const;

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
  /// The first early stopping callback or null, and all of them.
  Callback* early_stopping_callback() const;
  std::vector<Callback*> early_stopping_callbacks() const;
  /// The progress bar or null.
  Callback* progress_bar_callback() const;
  const std::vector<std::shared_ptr<Logger>>& loggers() const;
  Logger* logger() const;
  /// "cpu", "cuda".
  std::string accelerator() const;
  Strategy& strategy() const;
  Precision& precision_plugin() const;
  /// "32-true".
  std::string precision() const;
  /// Null where the precision scales no losses.
  GradScaler* scaler() const;
  /// Null when none was asked for.
  Profiler* profiler() const;
  LightningModule* lightning_module() const;
  /// The same: nothing is wrapped around a module here.
  LightningModule* model() const { return lightning_module(); }
  LightningDataModule* datamodule() const;
  const std::vector<std::shared_ptr<optim::Optimizer>>& optimizers() const;
  const std::vector<LRSchedulerConfig>& lr_scheduler_configs() const;
  const std::string& default_root_dir() const { return default_root_dir_; }
  /// The first logger's folder, else `default_root_dir`.
  std::string log_dir() const;
  /// The file this run was resumed from, "" if none.
  const std::string& ckpt_path() const { return ckpt_path_; }
  /// The file that runs without a `ckpt_path` of their own go on from, until one has its own; "": none.
  void set_ckpt_path(std::string path) { given_ckpt_path_ = std::move(path); }
  /// Whether this run itself, resumed by `ckpt_path="last"`, had written the file after the checkpoint that it goes on from: it will
  /// come to that point again, so the file may be written anew under the same name.
  bool wrote_after_resume_point(const std::string& path) const;
  int global_rank() const;
  int local_rank() const;
  int node_rank() const;
  int world_size() const;
  std::int64_t num_nodes() const { return options_.num_nodes; }
  std::vector<std::int64_t> device_ids() const;
  std::int64_t num_devices() const { return static_cast<std::int64_t>(device_ids().size()); }
  bool is_global_zero() const { return global_rank() == 0; }
  /// None with a single process.
  std::optional<DistributedSamplerKwargs> distributed_sampler_kwargs() const;
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
  std::string default_root_dir_, ckpt_path_, given_ckpt_path_;
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
