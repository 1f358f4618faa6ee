#include "levin/framework/loops/evaluation_loop.h"

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/heartbeat.h"
#include "levin/framework/base/signal_flags.h"
#include "levin/framework/loops/share_out.h"

namespace levin {
namespace {

// fit's validation never uses inference mode: its tensors could not take part in training afterwards.
struct NoGradient {
  explicit NoGradient(bool inference) : no_grad(false) {
    if (inference) mode.emplace(true);
  }
  c10::AutoGradMode no_grad;
  std::optional<c10::InferenceMode> mode;
};

// What to call at each point, for validation or test.
#define LEVIN_CALL_STAGE(run, stem, ...)                                                      \
  ((run).stage == Stage::testing ? LEVIN_CALL(run, on_test_##stem __VA_OPT__(, ) __VA_ARGS__) \
                                 : LEVIN_CALL(run, on_validation_##stem __VA_OPT__(, ) __VA_ARGS__))

}  // namespace

std::vector<MetricMap> EvaluationLoop::run(Run& run) {
  const NoGradient no_gradient(run.options.inference_mode && !within_fit_);
  setup_data(run);
  const auto batches = max_batches(run);
  if (std::all_of(batches.begin(), batches.end(), [](auto n) { return n == 0; })) return {};
  reset(run);
  begin(run);
  // The flags of a restart hold for the first batch only.
  struct IterationDone {
    EvaluationLoop& loop;
    ~IterationDone() { loop.restarting = loop.restarted_mid_evaluation = false; }
  };
  std::int64_t previous = 0;
  bool stopped = false;
  Fetcher::Item item;
  while (true) {
    const IterationDone done{*this};
    if (!fetcher_.next(run, fn_ == TrainerFn::test ? "[_EvaluationLoop].test_next" : "[_EvaluationLoop].val_next", item)) break;
    if (previous != item.dataloader_idx) {
      if (run.strategy->reduce_boolean_decision(false, /*all=*/false)) throw SIGTERMException();
      run.metric_log.epoch_end_reached();
      outputs_.push_back(run.metric_log.take_evaluation_metrics(run.sanity_checking()));
    }
    previous = item.dataloader_idx;
    batch_progress.is_last_batch = fetcher_.done();
    evaluate_batch(run, item);
    if (signals::interrupted()) throw KeyboardInterrupt();
    stopped = !batch_progress.is_last_batch && run.strategy->stop_wanted();
    if (stopped) break;
  }
  // If one rank leaves the pass, all do here or after an earlier loader, however many batches each has had.
  if (run.strategy->reduce_boolean_decision(stopped, /*all=*/false)) throw SIGTERMException();
  run.metric_log.epoch_end_reached();
  outputs_.push_back(run.metric_log.take_evaluation_metrics(run.sanity_checking()));
  return finish(run);
}

void EvaluationLoop::begin(Run& run) {
  mode_.capture(*run.module);
  run.strategy->before_evaluation();
  if (run.stage == Stage::testing) LEVIN_CALL_MODULE(run, on_test_model_eval);
  else LEVIN_CALL_MODULE(run, on_validation_model_eval);
  LEVIN_CALL_STAGE(run, start);
  LEVIN_CALL_STAGE(run, epoch_start);
}

void EvaluationLoop::evaluate_batch(Run& run, Fetcher::Item& item) {
  const Batch batch = run.to_device(std::move(item.batch), item.dataloader_idx);
  const std::int64_t shown_idx = loaders_.size() > 1 ? item.dataloader_idx : -1;
  batch_progress.increment_ready();
  run.metric_log.on_batch_start(batch, shown_idx);
  LEVIN_CALL_STAGE(run, batch_start, batch, item.batch_idx);
  batch_progress.increment_started();

  StepOutput output;
  {
    const auto context = run.precision->forward_context();
    output = run.stage == Stage::testing ? LEVIN_CALL_MODULE(run, test_step, batch, item.batch_idx)
                                         : LEVIN_CALL_MODULE(run, validation_step, batch, item.batch_idx);
  }
  batch_progress.increment_processed();
  LEVIN_CALL_STAGE(run, batch_end, output, batch, item.batch_idx);
  run.metric_log.on_batch_end();
  batch_progress.increment_completed();

  if (!run.sanity_checking()) {
    has_run = true;
    auto& seen = seen_batches_[static_cast<std::size_t>(item.dataloader_idx)];
    run.metric_log.write_pending_at(seen);
    ++seen;
  }
  heartbeat::beat();
}

std::vector<MetricMap> EvaluationLoop::finish(Run& run) {
  run.metric_log.forget_dataloader_idx();
  LEVIN_CALL_STAGE(run, epoch_end);
  run.metric_log.on_epoch_end();

  // What the epoch-end hooks logged belongs to every loader's result.
  std::vector<MetricMap> outputs = std::exchange(outputs_, {});
  const MetricMap at_epoch_end = run.metric_log.take_evaluation_metrics(run.sanity_checking());
  MetricMap all;
  for (auto& output : outputs) {
    all.update(output);
    output.update(at_epoch_end);
  }
  all.update(at_epoch_end);
  if (!run.sanity_checking()) {
    const TrainerLink& link = *run.module->link();
    run.metric_log.write(all, link.batches_that_stepped(), link.current_epoch());
  }

  end(run, {});
  return outputs;
}

void EvaluationLoop::end(Run& run, ResumePoint from) {
  if (from.phase == 0) {
    auto rest = after(from.calls, everyone);
    end_phase_ = 0;
    if (run.stage == Stage::testing) run.call_callbacks_if<&Callback::on_test_end>(Hook::on_test_end, rest);
    else run.call_callbacks_if<&Callback::on_validation_end>(Hook::on_validation_end, rest);
    end_phase_ = 1;
    if (run.stage == Stage::testing) LEVIN_CALL_MODULE(run, on_test_end);
    else LEVIN_CALL_MODULE(run, on_validation_end);
  }
  end_phase_ = -1;
  run.metric_log.reset_results();
  const Overrides& overrides = run.module->overrides();
  if (run.stage == Stage::testing && overrides.on_test_model_train) LEVIN_CALL_MODULE(run, on_test_model_train);
  else if (run.stage != Stage::testing && overrides.on_validation_model_train) LEVIN_CALL_MODULE(run, on_validation_model_train);
  else mode_.restore(*run.module);
}

void EvaluationLoop::setup_data(Run& run) {
  if (has_loaders() && within_fit_ && !should_reload(run)) return;
  const bool testing = fn_ == TrainerFn::test;
  const BatchLimit& limit = testing ? run.options.limit_test_batches : run.options.limit_val_batches;
  const Overrides& overrides = run.module->overrides();
  if (is_zero(limit) || !(testing ? overrides.test_step : overrides.validation_step)) return;
  // A sanity check does not count as this epoch's reload unless the epoch validates.
  if (within_fit_ && (!run.sanity_checking() || run.validates_this_epoch())) last_reload_epoch_ = run.module->current_epoch();

  loaders_ = testing ? run.loaders.test : run.loaders.val;
  if (loaders_.empty()) {
    loaders_ = testing ? LEVIN_CALL_LOADER(run, test_dataloader) : LEVIN_CALL_LOADER(run, val_dataloader);
  }
  loaders_ = one_by_one(std::move(loaders_));
  if (within_fit_ && !is_zero(run.options.overfit_batches)) without_shuffling(loaders_, "val");
  warn_of_shuffling(loaders_, testing ? "test" : "val");
  if (loaders_.empty() && !within_fit_) {
    throw MisconfigurationException(std::string("`") + (testing ? "test" : "val") +
                                    "_dataloader` must be implemented to be used with the Lightning Trainer");
  }
  max_batches_.clear();
  share_out(loaders_, run);
  for (const auto& loader : loaders_) max_batches_.push_back(number_of_batches(*loader, limit, testing ? "test" : "val"));
  seen_batches_.assign(loaders_.size(), 0);
  if (!resumed_.is_none()) load_resume_state(std::exchange(resumed_, {}));
}

bool EvaluationLoop::should_reload(const Run& run) const {
  const std::int64_t every = run.options.reload_dataloaders_every_n_epochs;
  return every > 0 && run.module->current_epoch() - last_reload_epoch_ >= every;
}

std::vector<std::int64_t> EvaluationLoop::max_batches(const Run& run) const {
  std::vector<std::int64_t> batches = max_batches_;
  if (run.sanity_checking())
    for (auto& n : batches) n = std::min(n, run.options.num_sanity_val_steps);
  return batches;
}

void EvaluationLoop::reset(Run& run) {
  has_run = false;
  outputs_.clear();
  if (restarting) batch_progress.reset_on_restart();
  else batch_progress.reset_on_run();
  if (!within_fit_) batch_progress.reset_on_run();
  if (within_fit_)
    for (const auto& loader : loaders_) loader->set_epoch(run.module->link()->epochs_processed());
  fetcher_.start(loaders_, max_batches(run));
  fetcher_.add_fetched(batch_progress.current.ready);
}

void EvaluationLoop::teardown() { fetcher_.stop(); }

void EvaluationLoop::forget_loaders() {
  loaders_ = {};
  max_batches_.clear();
}

Value EvaluationLoop::state_dict() const {
  return Dict{{"state_dict", Value::dict()}, {"batch_progress", batch_progress.state_dict()}};
}

void EvaluationLoop::load_state_dict(const Value& state) { batch_progress.load_state_dict(state.at("batch_progress")); }

}  // namespace levin
