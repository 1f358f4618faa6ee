#pragma once
#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "levin/framework/base/fields.h"
#include "levin/framework/base/value.h"
#include "levin/framework/data/loaders.h"
#include "levin/framework/module/batch.h"
#include "levin/framework/module/lightning_optimizer.h"
#include "levin/framework/module/overrides.h"
#include "levin/framework/module/step_output.h"
#include "levin/framework/optim/optimizer_config.h"
#include "levin/framework/results/log_options.h"

namespace levin {

class Callback;
class Logger;
namespace metrics {
class Metric;
class MetricCollection;
}

/// A model with its training: subclass it, register your layers in the constructor, override the steps you need.
///
/// All hooks have Lightning's names and are called where Lightning calls them; `override` catches a misspelt one. A module is a
/// `torch::nn::Module` and is not copied: `Trainer::fit(module)` keeps a reference for the run.
class LEVIN_API LightningModule : public torch::nn::Module {
 public:
  LightningModule();
  ~LightningModule() override;

  // ---- The steps ---------------------------------------------------------------------------------------------------------------
  /// The loss of one batch (a tensor, or a dict with "loss"). Returning nothing skips backward for this batch.
  virtual StepOutput training_step(const Batch& batch, std::int64_t batch_idx);
  /// Without gradients, in eval mode. Several loaders are told apart by `batch.dataloader_idx()`.
  virtual StepOutput validation_step(const Batch& batch, std::int64_t batch_idx);
  virtual StepOutput test_step(const Batch& batch, std::int64_t batch_idx);
  /// The predictions for one batch; `Trainer::predict` returns them.
  virtual StepOutput predict_step(const Batch& batch, std::int64_t batch_idx);

  // ---- What training needs -----------------------------------------------------------------------------------------------------
  /// The optimizer(s) and learning rate schedulers; called after the weights are restored and on their device.
  virtual OptimizerConfig configure_optimizers();
  /// What stands in for `configure_optimizers` from now on: the command line sets it for a configuration that names an optimizer.
  void set_optimizer_source(std::function<OptimizerConfig(LightningModule&)> source);
  const std::function<OptimizerConfig(LightningModule&)>& optimizer_source() const { return optimizer_source_; }
  /// Callbacks that belong to the model: they replace the Trainer's of the same class.
  virtual std::vector<std::shared_ptr<Callback>> configure_callbacks() { return {}; }
  /// Builds layers late, right before weights are restored. Called once per run; must be idempotent.
  virtual void configure_model() {}
  /// Loaders, when none is passed to the Trainer.
  virtual Loaders train_dataloader() { return {}; }
  virtual Loaders val_dataloader() { return {}; }
  virtual Loaders test_dataloader() { return {}; }
  virtual Loaders predict_dataloader() { return {}; }

  // ---- Hooks, in the order of a run. `stage` is "fit", "validate", "test" or "predict" -------------------------------------------
  // clang-format off
  virtual void prepare_data() {}
  virtual void setup(std::string_view stage) { (void)stage; }
  virtual void teardown(std::string_view stage) { (void)stage; }
  virtual void on_fit_start() {}
  virtual void on_fit_end() {}
  virtual void on_train_start() {}
  virtual void on_train_end() {}
  virtual void on_train_epoch_start() {}
  virtual void on_train_epoch_end() {}
  /// Returning -1 skips the rest of the epoch, this batch included.
  virtual int on_train_batch_start(const Batch&, std::int64_t batch_idx) { (void)batch_idx; return 0; }
  virtual void on_train_batch_end(const StepOutput&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_validation_start() {}
  virtual void on_validation_end() {}
  virtual void on_validation_epoch_start() {}
  virtual void on_validation_epoch_end() {}
  virtual void on_validation_batch_start(const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_validation_batch_end(const StepOutput&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  /// Sets eval mode. When `on_validation_model_train` is not overridden, each submodule's own mode is restored afterwards.
  virtual void on_validation_model_eval() { eval(); }
  virtual void on_validation_model_train() { train(); }
  virtual void on_validation_model_zero_grad() { zero_grad(); }
  virtual void on_test_start() {}
  virtual void on_test_end() {}
  virtual void on_test_epoch_start() {}
  virtual void on_test_epoch_end() {}
  virtual void on_test_batch_start(const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_test_batch_end(const StepOutput&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_test_model_eval() { eval(); }
  virtual void on_test_model_train() { train(); }
  virtual void on_predict_start() {}
  virtual void on_predict_end() {}
  virtual void on_predict_epoch_start() {}
  virtual void on_predict_epoch_end() {}
  virtual void on_predict_batch_start(const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_predict_batch_end(const StepOutput&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_predict_model_eval() { eval(); }
  virtual void on_before_backward(const at::Tensor& loss) { (void)loss; }
  virtual void on_after_backward() {}
  virtual void on_before_zero_grad(optim::Optimizer&) {}
  /// Gradients are complete and unscaled, not yet clipped.
  virtual void on_before_optimizer_step(optim::Optimizer&) {}
  /// Change or add to what is saved, and read it back; the dict is complete in both cases.
  virtual void on_save_checkpoint(Value& checkpoint) { (void)checkpoint; }
  virtual void on_load_checkpoint(Value& checkpoint) { (void)checkpoint; }
  // clang-format on

  // ---- Batches on their way to the device ----------------------------------------------------------------------------------------
  virtual Batch on_before_batch_transfer(Batch batch, std::int64_t dataloader_idx) { (void)dataloader_idx; return batch; }
  virtual Batch transfer_batch_to_device(Batch batch, at::Device device, std::int64_t dataloader_idx);
  virtual Batch on_after_batch_transfer(Batch batch, std::int64_t dataloader_idx) { (void)dataloader_idx; return batch; }

  // ---- Optimization, each replaceable --------------------------------------------------------------------------------------------
  virtual void backward(const at::Tensor& loss);
  /// Must call the closure, as `optimizer.step(closure)` does: it runs the training step, `optimizer_zero_grad` and `backward`.
  virtual void optimizer_step(std::int64_t epoch, std::int64_t batch_idx, LightningOptimizer& optimizer, const Closure& closure);
  virtual void optimizer_zero_grad(std::int64_t epoch, std::int64_t batch_idx, optim::Optimizer& optimizer);
  /// Called before every step with the Trainer's options, which may be unset.
  virtual void configure_gradient_clipping(optim::Optimizer& optimizer, std::optional<double> gradient_clip_val,
                                           const std::optional<std::string>& gradient_clip_algorithm);
  virtual void lr_scheduler_step(optim::LRScheduler& scheduler, std::optional<double> metric);
  /// Clips this optimizer's gradients by total 2-norm ("norm", the default) or by value; nothing for an unset or non-positive value.
  void clip_gradients(optim::Optimizer& optimizer, std::optional<double> gradient_clip_val,
                      const std::optional<std::string>& gradient_clip_algorithm);

  /// False: `training_step` does its own backward and steps, through `manual_backward` and `optimizers()`.
  bool automatic_optimization = true;
  void manual_backward(const at::Tensor& loss);
  /// Those of `configure_optimizers`, in its order: `LightningOptimizer& opt = optimizers();`, or `optimizers()[0]` of several.
  const LightningOptimizers& optimizers();
  /// The schedulers of `configure_optimizers`, in its order; in manual optimization nobody else steps them: `lr_schedulers()[0]->step()`.
  std::vector<optim::LRScheduler*> lr_schedulers();
  /// From here to `untoggle_optimizer` gradients are computed only for this optimizer's parameters (those that were frozen stay so):
  /// for several optimizers whose losses run through each other's layers.
  void toggle_optimizer(optim::Optimizer& optimizer);
  void untoggle_optimizer(optim::Optimizer& optimizer);
  /// The same for as long as the result lives.
  [[nodiscard]] std::shared_ptr<void> toggled_optimizer(optim::Optimizer& optimizer);

  // ---- Logging -------------------------------------------------------------------------------------------------------------------
  /// Logs one number from within a hook. A tensor must have one element; it is detached and not kept, and nothing waits for its
  /// device until somebody reads the metric. After a key's first step a call allocates nothing.
  void log(std::string_view name, const at::Tensor& value, const LogOptions& options = {});
  void log(std::string_view name, double value, const LogOptions& options = {});
  /// Logs a Metric: what its last `forward` returned as this step's value, what it computes over everything since the epoch began as
  /// the epoch's, on all ranks; the loop resets it afterwards. MisconfigurationException for one that is not registered with this
  /// module, unless `metric_attribute` gives it a name.
  void log(std::string_view name, const std::shared_ptr<metrics::Metric>& metric, const LogOptions& options = {});
  /// Each metric of the collection under its name there.
  void log_dict(const std::shared_ptr<metrics::MetricCollection>& metrics, const LogOptions& options = {});
  void log_dict(const std::vector<std::pair<std::string, at::Tensor>>& metrics, const LogOptions& options = {});
  /// The first of the Trainer's loggers, or null, and all of them.
  Logger* logger();
  std::vector<std::shared_ptr<Logger>> loggers();
  /// A line of output from rank 0 that does not tear the progress bar.
  void print(std::string_view text);

  // ---- Metrics -------------------------------------------------------------------------------------------------------------------
  /// Keeps a metric as this module's attribute `name` and returns it, as `self.name = Accuracy(...)` does in Python: it is moved
  /// with the module, `log()` knows it, an exact resume goes on with what it has counted, and its persistent states are in
  /// `state_dict`. A MetricCollection's metrics are `name.their_name`.
  template <class M>
  std::shared_ptr<M> register_metric(const std::string& name, std::shared_ptr<M> metric) {
    add_metric(name, metric);
    return metric;
  }
  using NamedMetrics = std::vector<std::pair<std::string, std::shared_ptr<metrics::Metric>>>;
  /// All registered metrics, those of submodules too, under their dotted names.
  NamedMetrics named_metrics() const;

  // ---- Hyperparameters -------------------------------------------------------------------------------------------------------------
  /// Remembers the options this module was made from: they go into every checkpoint and to the loggers, and
  /// `load_from_checkpoint` makes the module from them. Calling it again merges. `logger = false` keeps them from the loggers.
  template <HasFields T>
  void save_hyperparameters(const T& options, bool logger = true) { save_hyperparameters(write_fields(options), logger); }
  void save_hyperparameters(const Value& dict, bool logger = true);
  /// A dict of the hyperparameters; empty if none were saved.
  Value& hparams() { return hparams_; }
  const Value& hparams() const { return hparams_; }
  /// As they were when first saved: what loggers get.
  const Value& hparams_initial() const { return hparams_initial_; }
  bool log_hyperparameters() const { return log_hyperparameters_; }

  // ---- State -----------------------------------------------------------------------------------------------------------------------
  /// Parameters and buffers under their dotted names, as Python's `state_dict()` orders them. Tensors share memory.
  virtual Value state_dict() const;
  /// Copies weights in. With `strict`, missing and unexpected keys are one RuntimeError in torch's words.
  virtual void load_state_dict(const Value& state, bool strict = true);
  /// What `fit(ckpt_path=...)` uses as `strict`.
  bool strict_loading = true;
  /// Sets `requires_grad` of all parameters and eval or train mode.
  void freeze();
  void unfreeze();

  // ---- The trainer -----------------------------------------------------------------------------------------------------------------
  /// RuntimeError when no run is going on and none was.
  Trainer& trainer() const;
  bool is_attached() const { return link_ != nullptr; }
  std::int64_t current_epoch() const { return link_ ? link_->current_epoch() : 0; }
  std::int64_t global_step() const { return link_ ? link_->global_step() : 0; }
  int global_rank() const { return link_ ? link_->global_rank() : 0; }
  int local_rank() const { return link_ ? link_->local_rank() : 0; }
  /// Together with the other ranks: their tensors, of the same size as this one, stacked to [world_size, ...]. With `sync_grads` gradients
  /// flow back to all of them. RuntimeError without a trainer.
  at::Tensor all_gather(const at::Tensor& tensor, bool sync_grads = false);
  /// Where parameters are: the first one's device, or the device the trainer will move them to.
  at::Device device() const;
  bool on_gpu() const { return device().is_cuda(); }
  /// The first parameter's type; float32 without parameters.
  at::ScalarType dtype() const;
  /// What a forward pass takes, for loggers that draw the graph; none by default.
  Batch example_input_array;

  /// Used by the Trainer.
  void attach(TrainerLink* link);
  TrainerLink* link() const { return link_; }
  const Overrides& overrides() const { return overrides_; }
  void note_overrides(const Overrides& overrides) { overrides_ = overrides; }

 private:
  void add_metric(const std::string& name, const std::shared_ptr<metrics::Metric>& metric);
  void add_metric(const std::string& name, const std::shared_ptr<metrics::MetricCollection>& metrics);
  const std::string& attribute_of(const metrics::Metric& metric, std::string_view key);

  TrainerLink* link_ = nullptr;
  NamedMetrics known_metrics_;  // as they were found when a metric was first logged
  Overrides overrides_;
  std::function<OptimizerConfig(LightningModule&)> optimizer_source_;
  Value hparams_ = Value::dict(), hparams_initial_ = Value::dict();
  bool log_hyperparameters_ = false;
  std::unordered_map<const void*, bool> required_before_toggle_;
};

/// Which of M's members override LightningModule's, where Lightning decides by that.
template <class M>
Overrides overrides_of() {
  Overrides out;
#define LEVIN_OVERRIDDEN(member)                                                             \
  if constexpr (requires { &M::member; })                                                    \
    out.member = !std::is_same_v<decltype(&M::member), decltype(&LightningModule::member)>;
  LEVIN_OVERRIDABLE(LEVIN_OVERRIDDEN)
#undef LEVIN_OVERRIDDEN
  return out;
}

}  // namespace levin
