// When the fit loop stops, validates, accumulates, logs and steps its schedulers: Lightning's rules, one function each.
#include <algorithm>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/loops/share_out.h"
#include "levin/framework/module/metric_module.h"

namespace levin {
namespace {

bool limit_reached(std::int64_t current, std::int64_t maximum) { return maximum != -1 && current >= maximum; }

std::string text(std::int64_t n) { return std::to_string(n); }

}  // namespace

bool FitLoop::steps_reached(const Run& run) const { return limit_reached(global_step(run), run.options.max_steps); }

bool FitLoop::done(Run& run) {
  if (max_batches_ == 0) {
    rank_zero_info("`Trainer.fit` stopped: No training batches.");
    return true;
  }
  if (steps_reached(run)) {
    rank_zero_info("`Trainer.fit` stopped: `max_steps=" + text(run.options.max_steps) + "` reached.");
    return true;
  }
  // `processed` grows before `on_train_epoch_end`, where checkpoints are saved, so a resumed run sees the epoch as done.
  if (limit_reached(epoch_progress.current.processed, run.options.max_epochs.value_or(-1))) {
    epoch_progress.current.completed = epoch_progress.current.processed;
    rank_zero_info("`Trainer.fit` stopped: `max_epochs=" + text(*run.options.max_epochs) + "` reached.");
    return true;
  }
  return run.should_stop && can_stop_early(run);
}

bool FitLoop::can_stop_early(const Run& run) const {
  const bool epochs = run.options.min_epochs == 0 || epoch_progress.current.processed >= run.options.min_epochs;
  const bool steps = run.options.min_steps.value_or(0) == 0 || global_step(run) >= *run.options.min_steps;
  return epochs && steps;
}

bool FitLoop::batches_done(Run& run) {
  const bool training_done = steps_reached(run) || is_last_batch_of_epoch();
  const bool validation_done = !batches_restarting_ || val_loop.has_run;
  if (training_done && validation_done) return true;
  if (!run.should_stop) return false;
  if (can_stop_early(run)) return true;
  const auto python = [](const std::optional<std::int64_t>& n) { return n ? text(*n) : std::string("None"); };
  info_once("Trainer was signaled to stop but the required `min_epochs=" + text(run.options.min_epochs) + "` or `min_steps=" +
            python(run.options.min_steps) + "` has not been met. Training will continue...");
  return false;
}

bool FitLoop::is_last_batch_of_epoch() const {
  return batch_progress.current.ready == max_batches_ || batch_progress.is_last_batch;
}

bool FitLoop::accumulated_batches_reached(const Run& run) const {
  if (run.options.accumulate_grad_batches == 0) throw MisconfigurationException("`accumulate_grad_batches` should be an int of at least 1, got 0.");
  return batch_progress.current.ready % run.options.accumulate_grad_batches == 0;
}

bool FitLoop::should_accumulate(const Run& run) const {
  return !accumulated_batches_reached(run) && !is_last_batch_of_epoch();
}

bool FitLoop::should_update_logs(const Run& run) const {
  if (should_accumulate(run) && run.module->automatic_optimization) return false;
  if (run.options.fast_dev_run > 0) return true;
  const std::int64_t every = run.options.log_every_n_steps;
  if (every == 0) return false;
  return (batches_that_stepped + 1) % every == 0 || run.should_stop;
}

bool FitLoop::validation_due(Run& run) {
  if (!run.validates_this_epoch()) return false;
  const bool last = batch_progress.is_last_batch;
  const bool endless = val_check_batch_ == unlimited;
  const auto* interval = std::get_if<Seconds>(&run.options.val_check_interval);
  if (last && endless && !interval) return true;
  if (run.should_stop && can_stop_early(run)) return true;
  if (interval) return real_clock().now() - last_validation_time_ >= interval->count();
  if (endless) {
    const auto* limit = std::get_if<std::int64_t>(&run.options.limit_train_batches);
    return limit ? (batch_idx() + 1) % *limit == 0 : last;
  }
  // Without `check_val_every_n_epoch` batches are counted over all epochs.
  const std::int64_t idx = run.options.check_val_every_n_epoch ? batch_idx() : total_batch_idx();
  return (idx + 1) % val_check_batch_ == 0;
}

void FitLoop::validate(Run& run, ResumePoint from) {
  at_ = {At::validation};
  validation_start_ = {RngState::capture(), val_loop.resume_state(), snapshot(metrics_state(*run.module))};
  run.stage = Stage::validating;
  if (from.at == At::validation_end) {
    run.metric_log.activate(&val_loop.results);
    val_loop.finish_resumed(run, from);
  } else {
    training_position_ = run.metric_log.position();
    if (!should_accumulate(run)) LEVIN_CALL_MODULE(run, on_validation_model_zero_grad);
    run.metric_log.activate(&val_loop.results);
    val_loop.run(run);
  }
  validation_start_.reset();
  run.stage = Stage::training;
  run.metric_log.activate(&results);
  run.metric_log.set_position(training_position_);
  last_validation_time_ = real_clock().now();
}

void FitLoop::step_schedulers(Run& run, std::string_view interval, bool plateau) {
  if (run.lr_scheduler_configs.empty() || !run.module->automatic_optimization) return;
  if (interval == "step" && should_accumulate(run)) return;
  for (const LRSchedulerConfig& config : run.lr_scheduler_configs) {
    if (config.interval != interval || config.reduce_on_plateau.value_or(false) != plateau) continue;
    // As in Lightning: batches are counted within the epoch, steps of the optimizer are not.
    const std::int64_t count = (interval == "step" ? batch_idx() : current_epoch()) + 1;
    if (count % config.frequency != 0) continue;
    std::optional<double> metric;
    if (plateau) {
      const MetricMap& available = run.metric_log.callback_metrics();
      const MetricValue* found = available.find(*config.monitor);
      if (!found) {
        const std::string what = "ReduceLROnPlateau conditioned on metric " + *config.monitor;
        if (config.strict) {
          std::string names;
          for (const auto& [name, unused] : available) names += (names.empty() ? "'" : ", '") + name + "'";
          throw MisconfigurationException(what + " which is not available. Available metrics are: [" + names +
                                          "]. Condition can be set using `monitor` key in lr scheduler dict");
        }
        rank_zero_warn(what + " which is not available but strict is set to `False`. Skipping learning rate update.");
        continue;
      }
      metric = found->item();
    }
    scheduler_progress.increment_ready();
    LEVIN_CALL_MODULE(run, lr_scheduler_step, *config.scheduler, metric);
    scheduler_progress.increment_completed();
  }
}

std::int64_t FitLoop::estimated_stepping_batches(Run& run) {
  const std::int64_t epochs = run.options.max_epochs.value_or(-1), steps = run.options.max_steps;
  const std::int64_t of_steps = steps == -1 ? unlimited : steps;
  if (epochs == -1) return of_steps;
  if (loaders_.empty()) {
    rank_zero_info("Loading `train_dataloader` to estimate number of stepping batches.");
    setup_data(run);
    loader_asked_early_ = !loaders_.empty();
  }
  if (max_batches_ == unlimited) return of_steps;
  const std::int64_t window = run.options.accumulate_grad_batches;
  if (window == 0) throw MisconfigurationException("`accumulate_grad_batches` should be an int of at least 1, got 0.");
  return std::min((max_batches_ + window - 1) / window * std::max<std::int64_t>(epochs, 1), of_steps);
}

void FitLoop::setup_data(Run& run) {
  const std::int64_t every = run.options.reload_dataloaders_every_n_epochs;
  const bool reload = every > 0 && current_epoch() - last_reload_epoch_ >= every;
  if (!loaders_.empty() && !reload) return;
  if (is_zero(run.options.limit_train_batches) || !run.module->overrides().training_step) return;

  loaders_ = run.loaders.train;
  if (loaders_.empty()) loaders_ = LEVIN_CALL_LOADER(run, train_dataloader);
  if (loaders_.size() > 1) loaders_ = std::make_shared<CombinedLoader>(std::move(loaders_), "max_size_cycle");
  if (!is_zero(run.options.overfit_batches)) without_shuffling(loaders_, "train");
  if (loaders_.empty()) {
    throw MisconfigurationException(
        "No `train_dataloader()` method defined and no training loader passed to `Trainer.fit`. Pass one, "
        "`trainer.fit(model, {.train = loader})`, or override `levin::Loaders train_dataloader()`.");
  }
  const auto* combined = dynamic_cast<const CombinedLoader*>(loaders_[0].get());
  if (combined && combined->sequential()) {
    throw ValueError("`_FitLoop` does not support the `CombinedLoader(mode=\"sequential\")` mode. The available modes are: "
                     "['min_size', 'max_size_cycle', 'max_size']");
  }
  share_out(loaders_, run);
  max_batches_ = number_of_batches(*loaders_[0], run.options.limit_train_batches, "train");
  open_train_loader(run);
  if (max_batches_ == 0) return;
  last_reload_epoch_ = current_epoch();

  const ValCheckInterval& interval = run.options.val_check_interval;
  const bool sized = loaders_[0]->size().has_value();
  if (const auto* batches = std::get_if<std::int64_t>(&interval)) {
    val_check_batch_ = *batches;
    if (val_check_batch_ > max_batches_ && run.options.check_val_every_n_epoch && !is_zero(run.options.limit_val_batches)) {
      throw ValueError(" `val_check_interval` (" + text(*batches) + ") must be less than or equal to the number of the training batches (" +
                       text(max_batches_) + "). If you want to disable validation set `limit_val_batches` to 0.0 instead. If you want to " +
                       "validate based on the total training batches, set `check_val_every_n_epoch=None`.");
    }
  } else if (const auto* fraction = std::get_if<double>(&interval)) {
    if (sized) {
      val_check_batch_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(max_batches_) * *fraction));
    } else if (*fraction == 1.0) {
      val_check_batch_ = unlimited;
    } else {
      throw MisconfigurationException(
          "When using an IterableDataset for `train_dataloader`, `Trainer(val_check_interval)` must be time based, `1.0` or an int. "
          "An int k specifies checking validation every k training batches.");
    }
  } else {
    val_check_batch_ = unlimited;
    last_validation_time_ = real_clock().now();
  }
  if (!run.metric_log.loggers.empty() && max_batches_ < run.options.log_every_n_steps && run.options.fast_dev_run == 0) {
    rank_zero_warn("The number of training batches (" + text(max_batches_) + ") is smaller than the logging interval Trainer(log_every_n_steps=" +
                   text(run.options.log_every_n_steps) + "). Set a lower value for log_every_n_steps if you want to see logs for the training epoch.");
  }
}

}  // namespace levin
