// The whole of training, from top to bottom. What is due when: fit_schedule.cpp; where a resumed run goes on: fit_restart.cpp;
// one batch's optimization: optimization.cpp.
#include "levin/framework/loops/fit_loop.h"

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/heartbeat.h"
#include "levin/framework/base/signal_flags.h"

namespace levin {
namespace {

// Runs something when a scope is left, by an exception too.
template <class F>
struct Finally {
  F f;
  ~Finally() { f(); }
};
template <class F>
Finally(F) -> Finally<F>;

constexpr auto monitoring = [](const Callback& callback) { return callback.is_monitoring(); };
constexpr auto not_monitoring = [](const Callback& callback) { return !callback.is_monitoring(); };

}  // namespace

void FitLoop::run(Run& run) {
  setup_data(run);
  if (std::exchange(loader_asked_early_, false)) open_train_loader(run);
  given_accumulation_ = run.options.accumulate_grad_batches;
  if (resumes_at(At::epoch_end)) finish_resumed_epoch(run);
  if ((!resume_ && done(run)) || is_zero(run.options.limit_train_batches)) return;
  begin_run(run);
  at_ = {At::train_start};
  LEVIN_CALL(run, on_train_start);
  if (resume_) restore_moment(run);
  while (resume_ || !done(run)) run_epoch(run);
  restarting_ = false;
  at_ = {At::train_end};
  LEVIN_CALL(run, on_train_end);
}

void FitLoop::teardown() {
  fetcher_.stop();
  threads_.reset();
  val_loop.teardown();
}

void FitLoop::run_epoch(Run& run) {
  const Finally epoch_done{[this] {
    restarting_ = loaded_ = resuming_ = false;
    epoch_restart_ = EpochRestart::none;
  }};
  setup_data(run);
  for (const auto& loader : loaders_) loader->set_epoch(epoch_progress.current.processed);
  begin_epoch(run);
  {
    const ProfiledAction action = run.profile("run_training_epoch");
    begin_batches(run);
    if (resume_) finish_resumed_batch(run);
    while (!batches_done(run) && run_batch(run)) {}
  }
  run.metric_log.epoch_end_reached();
  epoch_progress.increment_processed();
  end_epoch(run);
  if (signals::interrupted()) throw KeyboardInterrupt();
  if (run.strategy->agree_to_stop()) throw SIGTERMException();
}

// False: the epoch ends with this batch.
bool FitLoop::run_batch(Run& run) {
  const Finally batch_done{[this] {
    batches_restarting_ = false;
    batch_restart_ = BatchRestart::none;
  }};
  at_ = {At::batch};
  if (only_validation_is_left(run)) {
    after_batch(run);
    return true;
  }
  Batch batch;
  if (!fetch_batch(run, batch)) return false;
  run.metric_log.on_batch_start(batch, -1);

  output_ = {};
  bool skip_epoch = false;
  if (batch.is_none()) {
    warn_once("train_dataloader yielded None. If this was on purpose, ignore this warning...");
  } else {
    LEVIN_CALL_CALLBACKS(run, on_train_batch_start, batch, batch_idx());
    skip_epoch = LEVIN_CALL_MODULE(run, on_train_batch_start, batch, batch_idx()) == -1;
    if (skip_epoch) {
      batch_progress.is_last_batch = true;
    } else {
      batch_progress.increment_started();
      output_ = optimization.records_steps() ? optimization.run_recorded(run, batch, batch_idx(), should_accumulate(run))
                                             : optimization.run(run, batch, batch_idx(), should_accumulate(run));
    }
  }
  batch_progress.increment_processed();
  step_schedulers(run, "step", /*plateau=*/false);
  if (is_last_batch_of_epoch()) step_schedulers(run, "epoch", /*plateau=*/false);
  if (skip_epoch) return false;

  end_batch(run, batch);
  batch = {};  // a validation need not keep it
  after_batch(run);
  return true;
}

bool FitLoop::fetch_batch(Run& run, Batch& batch) {
  Fetcher::Item item;
  if (!fetcher_.next(run, "[_TrainingEpochLoop].train_dataloader_next", item)) return false;
  batch_progress.is_last_batch = fetcher_.done();
  if (!item.batch.is_none()) {
    batch = run.to_device(std::move(item.batch), 0);
    if (!threads_) threads_ = ThreadScope::for_model(*run.module, batch, run.options.num_threads);
  }
  batch_progress.increment_ready();
  return true;
}

void FitLoop::end_batch(Run& run, const Batch& batch, ResumePoint from) {
  at_ = {At::batch_end, 0};
  if (from.phase == 0) {
    run.call_callbacks_if<&Callback::on_train_batch_end>(Hook::on_train_batch_end, after(from.calls, everyone), output_, batch, batch_idx());
    at_ = {At::batch_end, 1};
    LEVIN_CALL_MODULE(run, on_train_batch_end, output_, batch, batch_idx());
  }
  output_ = {};
  run.metric_log.on_batch_end();
  batch_progress.increment_completed();
  if (!run.metric_log.loggers.empty() && should_update_logs(run)) run.metric_log.write_pending(batches_that_stepped, current_epoch());
}

void FitLoop::after_batch(Run& run) {
  if (validation_due(run) && !std::exchange(skip_next_validation_, false)) validate(run);
  finish_batch(run);
}

void FitLoop::finish_batch(Run& run) {
  step_schedulers(run, "step", /*plateau=*/true);
  if (!should_accumulate(run)) ++batches_that_stepped;
  if (run.should_stop && run.strategy->is_global_zero())
    for (const auto& logger : run.metric_log.loggers) logger->save();
  run.strategy->checkpoint_io().rethrow_failure();
  at_ = {At::batch};
  if (signals::interrupted()) throw KeyboardInterrupt();
  heartbeat::beat();
  if (!steps_reached(run) && !is_last_batch_of_epoch() && run.strategy->stop_agreed()) throw SIGTERMException();
}

void FitLoop::end_epoch(Run& run) {
  call_epoch_end(run);
  run.metric_log.on_epoch_end();
  if (!restarting_ && is_last_batch_of_epoch()) step_schedulers(run, "epoch", /*plateau=*/true);
  // As in Lightning: epoch values are logged at the last batch's step.
  run.metric_log.write_pending(batches_that_stepped - 1, current_epoch());
  run.metric_log.reset_results();
  epoch_progress.increment_completed();
  at_ = {At::between_epochs};
}

// Callbacks that monitor a metric come last, so that they see what the module logs here.
void FitLoop::call_epoch_end(Run& run) {
  const ResumePoint from = take_resume_point(At::epoch_end);
  at_ = {At::epoch_end, 0};
  if (from.phase == 0)
    run.call_callbacks_if<&Callback::on_train_epoch_end>(Hook::on_train_epoch_end, after(from.calls, not_monitoring));
  at_ = {At::epoch_end, 1};
  if (from.phase == 0) LEVIN_CALL_MODULE(run, on_train_epoch_end);
  at_ = {At::epoch_end, 2};
  run.call_callbacks_if<&Callback::on_train_epoch_end>(Hook::on_train_epoch_end, after(from.phase == 2 ? from.calls : 0, monitoring));
}

}  // namespace levin
