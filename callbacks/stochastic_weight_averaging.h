#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "levin/callbacks/averaged_model.h"
#include "levin/framework/callback.h"

namespace levin {

namespace optim {
class SWALR;
}

/// In Lightning's order.
struct StochasticWeightAveragingOptions {
  /// The learning rate to anneal to: one for all groups of parameters, or one for each.
  std::variant<double, std::vector<double>> swa_lrs = 0.0;
  /// An int: the epoch, counted from 1. A float: the fraction of `max_epochs`.
  std::variant<std::int64_t, double> swa_epoch_start = 0.8;
  std::int64_t annealing_epochs = 10;
  std::string annealing_strategy = "cos";
  AvgFn avg_fn = {};
  std::optional<std::string> device = "cpu";
};
template <class V>
void fields(V&& f, StochasticWeightAveragingOptions& o) {
  f("swa_lrs", o.swa_lrs, "the learning rate to anneal to; one for all groups of parameters or one for each");
  f("swa_epoch_start", o.swa_epoch_start, "the first epoch to average, an int counted from 1, or a fraction of max_epochs");
  f("annealing_epochs", o.annealing_epochs, "epochs until that rate is reached");
  f("annealing_strategy", o.annealing_strategy, "\"cos\" or \"linear\"");
  f("avg_fn", o.avg_fn, "how one tensor is averaged; null: all epochs count alike");
  f("device", o.device, "where the average lies; null: where the model does");
}

/// Stochastic weight averaging: from an epoch on the learning rate goes to `swa_lrs` (SWALR takes the place of the run's scheduler) and
/// the weights that each epoch begins with are averaged; after the last one the average becomes the model.
///
/// A model with batch normalization gets one more epoch, in which the average runs forward only, to measure its running statistics.
/// One optimizer and at most one scheduler: MisconfigurationException in Lightning's words, as for options that make no sense.
class LEVIN_API StochasticWeightAveraging : public Callback {
 public:
  using Options = StochasticWeightAveragingOptions;
  explicit StochasticWeightAveraging(Options options);
  ~StochasticWeightAveraging() override;

  /// The first and the last epoch whose beginning is averaged, from 0; known from `on_fit_start` on. `unlimited` without max_epochs.
  std::int64_t swa_start() const;
  std::int64_t swa_end() const;
  /// Epochs averaged so far.
  std::int64_t n_averaged() const { return average_ ? average_->n_averaged() : 0; }

  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;
  void on_fit_start(Trainer& trainer, LightningModule& module) override;
  void on_train_epoch_start(Trainer& trainer, LightningModule& module) override;
  void on_train_epoch_end(Trainer& trainer, LightningModule& module) override;
  void on_train_end(Trainer& trainer, LightningModule& module) override;
  /// {"n_averaged", "latest_update_epoch", "scheduler_state", "average_model_state"}.
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;
  Value resume_state() const override;
  void load_resume_state(const Value& state) override;

 private:
  void install_scheduler(Trainer& trainer);
  void begin_batch_norm_pass(Trainer& trainer, LightningModule& module);
  void forget_momenta(LightningModule& module);

  Options options_;
  std::int64_t first_epoch_ = 0;  ///< counted from 1
  std::int64_t max_epochs_ = -1, latest_update_epoch_ = -1, accumulate_grad_batches_ = 1;
  bool has_batch_norm_ = false, initialized_ = false;
  bool in_batch_norm_pass_ = false, resumes_exactly_ = false;
  std::vector<std::optional<double>> momenta_;  // of the batch normalizations, in the module's order
  std::unique_ptr<AveragedModel> average_;
  Value pattern_;  // the module's state_dict, for its names and their order
  std::shared_ptr<optim::SWALR> scheduler_;
  Value scheduler_state_;
};

}  // namespace levin
