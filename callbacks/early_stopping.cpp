#include "levin/callbacks/early_stopping.h"

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/loops/run.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

EarlyStopping::EarlyStopping(Options options)
    : options_(std::move(options)),
      rules_({options_.monitor, options_.min_delta, options_.patience, options_.mode, options_.check_finite, options_.stopping_threshold,
              options_.divergence_threshold}) {}

void EarlyStopping::setup(Trainer& trainer, LightningModule&, std::string_view) {
  const LoopOptions& loop = trainer.loop_options();
  // As in Lightning: an int 1 counts as 1.0 here.
  const auto* fraction = std::get_if<double>(&loop.val_check_interval);
  const auto* batches = std::get_if<std::int64_t>(&loop.val_check_interval);
  const bool once_per_epoch = (fraction && *fraction == 1.0) || (batches && *batches == 1);
  on_train_epoch_end_ = options_.check_on_train_epoch_end.value_or(once_per_epoch && loop.check_val_every_n_epoch == 1);
}

void EarlyStopping::on_train_epoch_end(Trainer& trainer, LightningModule&) {
  if (on_train_epoch_end_) check(trainer);
}
void EarlyStopping::on_validation_end(Trainer& trainer, LightningModule&) {
  if (!on_train_epoch_end_) check(trainer);
}

void EarlyStopping::check(Trainer& trainer) {
  if (trainer.fn() != TrainerFn::fit || trainer.sanity_checking() || trainer.fast_dev_run()) return;
  const MetricMap& metrics = trainer.callback_metrics();
  const MetricValue* current = metrics.find(options_.monitor);
  if (!current) {
    std::vector<std::string> names;
    for (const auto& [name, value] : metrics) names.push_back(name);
    const std::string message = stopping_metric_missing(options_.monitor, names);
    if (options_.strict) throw RuntimeError(message);
    if (options_.verbose) rank_zero_warn(message);
    return;
  }
  const StopVerdict verdict = rules_.check({current->item(), current->is_double() ? DType::float64 : DType::float32});
  if (trainer.strategy().reduce_boolean_decision(verdict.stop, /*all=*/false)) {
    trainer.set_should_stop();
    rules_.stopped(trainer.current_epoch(), verdict.message);
  }
  if (!options_.verbose || verdict.message.empty() || (options_.log_rank_zero_only && !trainer.is_global_zero())) return;
  // With several ranks each says what it found.
  const std::string rank = trainer.world_size() > 1 ? "[rank: " + std::to_string(trainer.global_rank()) + "] " : "";
  console_info(rank + verdict.message);
}

std::string EarlyStopping::state_key() const { return rules_.state_key(class_name(*this)); }

}  // namespace levin
