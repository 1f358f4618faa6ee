#pragma once
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace at {
class Tensor;
}

namespace levin {

class Batch;
class LightningModule;
class StepOutput;
class Trainer;
namespace optim {
class Optimizer;
}

/// The base of all callbacks: override the hooks you want. Hooks run in the order of the Trainer's list, each before the module's
/// hook of the same name; checkpoint callbacks always come last. Nothing may keep the `Trainer&` beyond the call.
///
/// A callback that counts something overrides `state_dict` and `load_state_dict`: the state goes into every checkpoint under
/// `state_key()`.
class LEVIN_API Callback {
 public:
  virtual ~Callback();

  // clang-format off
  /// Before anything else of a run; `stage` is "fit", "validate", "test" or "predict". The model is not yet on its device.
  virtual void setup(Trainer&, LightningModule&, std::string_view stage) { (void)stage; }
  /// At the very end of a run that did not fail.
  virtual void teardown(Trainer&, LightningModule&, std::string_view stage) { (void)stage; }
  /// Weights and callback states are restored, optimizers and loops are not yet.
  virtual void on_fit_start(Trainer&, LightningModule&) {}
  virtual void on_fit_end(Trainer&, LightningModule&) {}
  virtual void on_sanity_check_start(Trainer&, LightningModule&) {}
  virtual void on_sanity_check_end(Trainer&, LightningModule&) {}

  virtual void on_train_start(Trainer&, LightningModule&) {}
  virtual void on_train_end(Trainer&, LightningModule&) {}
  virtual void on_train_epoch_start(Trainer&, LightningModule&) {}
  /// After the epoch's last batch and its validation. Monitoring callbacks get it after the module, all others before.
  virtual void on_train_epoch_end(Trainer&, LightningModule&) {}
  virtual void on_train_batch_start(Trainer&, LightningModule&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  /// `outputs` is what `training_step` returned, its loss detached and divided by `accumulate_grad_batches`.
  virtual void on_train_batch_end(Trainer&, LightningModule&, const StepOutput& outputs, const Batch&, std::int64_t batch_idx) { (void)outputs; (void)batch_idx; }

  virtual void on_validation_start(Trainer&, LightningModule&) {}
  virtual void on_validation_end(Trainer&, LightningModule&) {}
  virtual void on_validation_epoch_start(Trainer&, LightningModule&) {}
  virtual void on_validation_epoch_end(Trainer&, LightningModule&) {}
  virtual void on_validation_batch_start(Trainer&, LightningModule&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_validation_batch_end(Trainer&, LightningModule&, const StepOutput& outputs, const Batch&, std::int64_t batch_idx) { (void)outputs; (void)batch_idx; }

  virtual void on_test_start(Trainer&, LightningModule&) {}
  virtual void on_test_end(Trainer&, LightningModule&) {}
  virtual void on_test_epoch_start(Trainer&, LightningModule&) {}
  virtual void on_test_epoch_end(Trainer&, LightningModule&) {}
  virtual void on_test_batch_start(Trainer&, LightningModule&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_test_batch_end(Trainer&, LightningModule&, const StepOutput& outputs, const Batch&, std::int64_t batch_idx) { (void)outputs; (void)batch_idx; }

  virtual void on_predict_start(Trainer&, LightningModule&) {}
  virtual void on_predict_end(Trainer&, LightningModule&) {}
  virtual void on_predict_epoch_start(Trainer&, LightningModule&) {}
  virtual void on_predict_epoch_end(Trainer&, LightningModule&) {}
  virtual void on_predict_batch_start(Trainer&, LightningModule&, const Batch&, std::int64_t batch_idx) { (void)batch_idx; }
  virtual void on_predict_batch_end(Trainer&, LightningModule&, const StepOutput& outputs, const Batch&, std::int64_t batch_idx) { (void)outputs; (void)batch_idx; }

  // Within a step. A callback that overrides one of them keeps steps from being recorded (`cuda_graph`).
  virtual void on_before_backward(Trainer&, LightningModule&, const at::Tensor& loss);
  virtual void on_after_backward(Trainer&, LightningModule&);
  virtual void on_before_optimizer_step(Trainer&, LightningModule&, optim::Optimizer&);
  virtual void on_before_zero_grad(Trainer&, LightningModule&, optim::Optimizer&);

  /// An exception leaves the run, Ctrl-C included. No teardown hook follows.
  virtual void on_exception(Trainer&, LightningModule&, const std::exception&) {}
  /// A checkpoint dict is complete but not yet written: add to it or change it.
  virtual void on_save_checkpoint(Trainer&, LightningModule&, Value& checkpoint) { (void)checkpoint; }
  /// A checkpoint was read; called before `load_state_dict`, for every callback, state or not.
  virtual void on_load_checkpoint(Trainer&, LightningModule&, const Value& checkpoint) { (void)checkpoint; }
  // clang-format on

  /// The key in `checkpoint["callbacks"]`: the class's name by default. A callback of which several may be in one Trainer adds
  /// the arguments that tell them apart, as `Name{'monitor': 'val_loss'}`. Two equal keys with state are an error.
  virtual std::string state_key() const;
  /// What goes into a checkpoint; None (the default) or an empty dict writes nothing.
  virtual Value state_dict() const { return {}; }
  /// Restores what `state_dict` gave; after `setup`, before `on_fit_start`.
  virtual void load_state_dict(const Value& state) { (void)state; }

  /// What Lightning's state lacks and an exact resume needs (a trigger's clock, say): kept under the checkpoint's own key `levin`,
  /// and loaded after `load_state_dict` when the file has it.
  virtual Value resume_state() const { return {}; }
  virtual void load_resume_state(const Value& state) { (void)state; }

  /// How often this thread has called one of the four hooks within a step where nothing overrides it. Used by the loops.
  static std::uint64_t idle_calls();

  /// Roles, asked instead of types. A checkpoint callback runs after all others; a monitoring one (checkpoints, early stopping)
  /// gets `on_train_epoch_end` after the module's.
  virtual bool is_checkpoint() const { return false; }
  virtual bool is_monitoring() const { return is_checkpoint(); }
  virtual bool is_progress_bar() const { return false; }
  virtual bool is_model_summary() const { return false; }
  virtual bool is_early_stopping() const { return false; }
  /// Limits the time of a run: without other limits there is then none of epochs.
  virtual bool is_timer() const { return false; }
};

/// A callback that writes checkpoints: what `ckpt_path="best"` and `"last"` ask.
class LEVIN_API Checkpoint : public Callback {
 public:
  ~Checkpoint() override;
  bool is_checkpoint() const override { return true; }

  /// The best file written so far, "" before the first.
  virtual std::string best_model_path() const = 0;
  /// The file that `save_last` wrote, "" if none.
  virtual std::string last_model_path() const = 0;
  /// The file that was written most recently, "" before the first: what a logger's `after_save_checkpoint` is about.
  virtual std::string last_checkpoint_saved() const { return ""; }
  /// Whether `fit` without a `ckpt_path` means `"last"` when this callback is there.
  virtual bool resumes_by_default() const { return false; }
  /// Files that `ckpt_path="last"` may choose from.
  virtual std::vector<std::string> last_candidates(Trainer&) const { return {}; }
};

}  // namespace levin
