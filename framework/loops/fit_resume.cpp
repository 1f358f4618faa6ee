// A resume that is the same run: what a checkpoint's `levin` block holds of the fit loop, and how the loop is entered again at the
// very point of the save. The counters themselves are Lightning's `loops`.
#include <torch/nn/module.h>

#include <algorithm>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/module/metric_module.h"
#include "levin/framework/tensors/tensors.h"

namespace levin {
namespace {

constexpr const char* places[] = {"train_start", "epoch_start", "batch", "batch_end", "validation",
                                  "validation_end", "epoch_end", "between_epochs", "train_end"};

ResumePoint::At place_of(const std::string& name) {
  for (std::size_t i = 0; i < std::size(places); ++i)
    if (name == places[i]) return static_cast<ResumePoint::At>(i);
  throw CheckpointError("levin.fit_loop.at: '" + name + "' is unknown; the file was made by a newer levin");
}

// Gradients between two steps of the optimizer: of an accumulation that is under way, or whatever manual optimization left.
Value gradients(const LightningModule& module) {
  Value out = Value::dict();
  TensorExporter exporter;
  for (const auto& item : module.named_parameters())
    if (item.value().grad().defined()) out[item.key()] = exporter(item.value().grad());
  return out;
}

void set_gradients(LightningModule& module, const Value& saved) {
  TensorImporter importer(/*copy=*/true);
  for (auto& item : module.named_parameters())
    if (const Value* gradient = saved.find(item.key())) item.value().mutable_grad() = importer(gradient->as_tensor()).to(item.value().device());
}

Value output_value(const StepOutput& output) {
  TensorExporter exporter;
  if (output.is_tensor()) return exporter(output.tensor().detach());
  if (!output.is_dict()) return {};
  Value out = Value::dict();
  for (const auto& [name, tensor] : output.dict()) out[name] = exporter(tensor.detach());
  return out;
}

StepOutput output_from(const Value& saved) {
  TensorImporter importer(/*copy=*/true);
  if (saved.is_tensor()) return importer(saved.as_tensor());
  if (!saved.is_dict()) return {};
  StepOutput::Dict out;
  for (const auto& [name, tensor] : saved.as_dict()) out.emplace_back(name.as_string(), importer(tensor.as_tensor()));
  return out;
}

}  // namespace

Value FitLoop::resume_state(Run& run, bool interrupted) const {
  ResumePoint point = at_;
  point.calls = run.calls();
  const bool in_validation = point.at == At::validation;
  if (in_validation && val_loop.end_phase() >= 0) {
    point.at = At::validation_end;
    point.phase = val_loop.end_phase();
  }
  if (interrupted && point.phase == 1) point = {point.at, 0, static_cast<int>(run.callbacks.size())};
  else if (interrupted) point.calls = std::max(0, point.calls - 1);
  const bool repeats_validation = point.at == At::validation && validation_start_;

  Value out = Value::dict();
  out["at"] = places[static_cast<std::size_t>(point.at)];
  out["phase"] = point.phase;
  out["calls"] = point.calls;
  out["callbacks"] = run.callbacks.size();
  out["max_batches"] = max_batches_;
  out["rng"] = (repeats_validation ? validation_start_->rng : RngState::capture()).state_dict();
  out["given_accumulation"] = given_accumulation_;
  out["accumulate_grad_batches"] = run.options.accumulate_grad_batches;
  out["should_stop"] = run.should_stop;
  out["skip_next_validation"] = skip_next_validation_;
  out["seconds_since_validation"] = real_clock().now() - last_validation_time_;
  out["last_reload_epoch"] = last_reload_epoch_;
  out["val_loop"] = repeats_validation ? validation_start_->val_loop : val_loop.resume_state();
  out["metrics"] = repeats_validation ? validation_start_->metrics : metrics_state(*run.module);
  // A batch that failed is repeated, and what it has logged with it.
  const bool repeats_batch = interrupted && point.at == At::batch && run.metric_log.in_batch();
  out["results"] = repeats_batch ? results.state_before_batch() : results.state_dict();
  if (!repeats_validation) out["val_results"] = val_loop.results.state_dict();
  out["metric_log"] = run.metric_log.state_dict();
  out["training_position"] = static_cast<int>(training_position_);
  if (!loaders_.empty()) out["loader"] = loaders_[0]->state_dict();
  const bool accumulating = point.inside_batch() && should_accumulate(run);
  if (accumulating || !run.module->automatic_optimization) out["gradients"] = gradients(*run.module);
  // The end hooks that are left get what they would have got.
  const bool somebody_looks = point.phase == 0 && run.module->overrides().on_train_batch_end;
  const bool other_callbacks = point.phase == 0 && static_cast<std::size_t>(point.calls) < run.callbacks.size();
  if (point.at == At::batch_end && (somebody_looks || other_callbacks)) out["output"] = output_value(output_);
  return out;
}

void FitLoop::resume_exactly(const SavedState& saved, Run& run) {
  const Value& state = *saved.state;
  ResumePoint point{place_of(state.at("at").as_string()), static_cast<int>(state.at("phase").as_int()),
                    static_cast<int>(state.at("calls").as_int())};
  const bool same_callbacks = state.at("callbacks").as_int() == static_cast<std::int64_t>(run.callbacks.size());
  // With other callbacks than then nobody can tell which of them had been called: none is called again.
  if (!same_callbacks) point.calls = static_cast<int>(run.callbacks.size());
  const RngState generators = saved.new_rank ? RngState::seeded(static_cast<std::uint64_t>(global_step(run)), static_cast<std::uint64_t>(*saved.new_rank))
                                             : RngState::from_state_dict(state.at("rng"));
  resume_ = Resume{point, state, generators, same_callbacks, run.strategy->world_size(), saved.world_size, saved.new_rank.has_value()};
  const bool stopped = same_callbacks && state.at("should_stop").as_bool();
  const bool whole = batch_progress.is_last_batch || batch_progress.current.ready == state.at("max_batches").as_int();
  if (point.at >= At::epoch_end && !whole && !stopped && !steps_reached(run)) reopen_epoch();
  restarting_ = batches_restarting_ = val_loop.restarting = loaded_ = resuming_ = false;
}

// A limit had ended the run, and with it the epoch, before the epoch's last batch, and now there is more to do: the run goes on with
// the next batch, as if the limit had not been there.
void FitLoop::reopen_epoch() {
  resume_->point = {At::batch};
  for (Tracker* tracker : {&epoch_progress.current, &epoch_progress.total}) tracker->processed = tracker->completed = tracker->ready - 1;
}

// Each rank's share of a batch of all ranks has another size now, so that as many samples are fewer or more batches.
void FitLoop::share_epoch_anew() {
  resume_->state.as_dict().set("gradients", Value::dict());
  if (!resume_->point.inside_batch()) return;
  Tracker& batches = batch_progress.current;
  const std::int64_t behind = resume_->point.at == At::batch ? batches.completed : batches.ready;
  const std::int64_t now = std::min(behind * resume_->former_world_size / resume_->world_size, max_batches_);
  batches.ready = batches.started = batches.processed = batches.completed = now;
  batch_progress.is_last_batch = now == max_batches_;
  resume_->point = {At::batch};
}

void FitLoop::load_resumed_loader(Run& run) {
  if (!resume_->same_world()) {
    rank_zero_info("The checkpoint was saved by " + std::to_string(resume_->former_world_size) + " rank(s) and goes on with " +
                   std::to_string(resume_->world_size) + ": what is left of the epoch is shared out anew.");
    share_epoch_anew();
    if (const Value* saved = resume_->state.find("loader"); saved && !loaders_[0]->stateful()) loaders_[0]->load_state_dict(*saved);
    return;
  }
  const std::int64_t then = resume_->state.at("max_batches").as_int();
  if (then != max_batches_) {
    const auto count = [](std::int64_t n) { return n == unlimited ? std::string("an unknown number of") : std::to_string(n); };
    rank_zero_warn("An epoch had " + count(then) + " training batches when the checkpoint was saved and has " + count(max_batches_) +
                   " now, so the run can't go on exactly where it was; it goes on as Lightning does.");
    resume_.reset();
    set_restarting(true, run);
    loaded_ = resuming_ = true;
    return;
  }
  const Value* saved = resume_->state.find("loader");
  if (saved && !loaders_[0]->stateful()) loaders_[0]->load_state_dict(*saved);
}

std::int64_t FitLoop::first_batch_to_fetch() const {
  if (!resume_ || !resume_->point.inside_batch()) return 0;
  // Whose end hooks are still to be called is fetched once more; a stateful loader is past it.
  const Loaders loaders = train_loaders();
  const bool stateful = std::any_of(loaders.begin(), loaders.end(), [](const auto& loader) { return loader->stateful(); });
  const bool again = resume_->point.at == At::batch_end && !stateful;
  return resume_->point.at == At::batch ? batch_progress.current.completed : batch_progress.current.ready - (again ? 1 : 0);
}

// What has been logged, and the Metrics.
void FitLoop::load_counts(LightningModule& module) {
  const Value& state = resume_->state;
  load_metrics_state(module, state.at("metrics"));
  const auto find_metric = [known = module.named_metrics()](std::string_view attribute) {
    for (const auto& [name, metric] : known)
      if (name == attribute) return metric;
    return std::shared_ptr<metrics::Metric>();
  };
  results.load_state_dict(state.at("results"));
  results.attach_metrics(find_metric);
  if (const Value* saved = state.find("val_results")) {
    val_loop.results.load_state_dict(*saved);
    val_loop.results.attach_metrics(find_metric);
  }
}

// The readers' and the log's state, and the gradients. The generators are set where the run goes on, so that nothing comes between.
void FitLoop::restore_moment(Run& run) {
  const Value& state = resume_->state;
  // What callbacks had changed, unless the options are others now.
  if (resume_->same_callbacks) run.should_stop = state.at("should_stop").as_bool();
  if (state.at("given_accumulation").as_int() == given_accumulation_ && resume_->point.inside_batch())
    run.options.accumulate_grad_batches = state.at("accumulate_grad_batches").as_int();
  skip_next_validation_ = state.at("skip_next_validation").as_bool();
  last_validation_time_ = real_clock().now() - state.at("seconds_since_validation").as_double();
  val_loop.load_resume_state(state.at("val_loop"));
  if (!resume_->new_rank) load_counts(*run.module);  // a new rank has counted nothing yet
  run.metric_log.load_state_dict(state.at("metric_log"));
  training_position_ = static_cast<MetricLog::Position>(state.at("training_position").as_int());
  if (resume_->point.at == At::validation) run.metric_log.set_position(training_position_);
  if (const Value* saved = state.find("gradients")) set_gradients(*run.module, *saved);
  if (resume_->point.at == At::batch) {
    // A batch that had begun is repeated; if it was the epoch's last, the epoch is not over yet.
    if (batch_progress.current.completed < batch_progress.current.ready) batch_progress.is_last_batch = false;
    batch_progress.reset_on_restart();
    scheduler_progress.reset_on_restart();
    optimization.optim_progress.reset_on_restart();
  }
  if (!resume_->point.inside_epoch()) take_resume_point(resume_->point.at);
}

// The epoch's end comes before the rest of the run begins, so that the run sees a completed epoch, as in Lightning.
void FitLoop::finish_resumed_epoch(Run& run) {
  restore_moment(run);
  end_epoch(run);
}

ResumePoint FitLoop::take_resume_point(At at) {
  if (!resumes_at(at)) return {};
  resume_->rng.restore();
  const ResumePoint point = resume_->point;
  resume_.reset();
  return point;
}

void FitLoop::finish_resumed_batch(Run& run) {
  const At at = resume_->point.at;
  output_ = resume_->state.contains("output") ? output_from(resume_->state.at("output")) : StepOutput();
  Fetcher::Item item;
  Batch batch;
  if (at == At::batch_end && first_batch_to_fetch() < batch_progress.current.ready && fetcher_.next(item)) {
    batch = item.batch.is_none() ? Batch() : run.to_device(std::move(item.batch), 0);
    run.metric_log.set_batch(batch);
  }
  const ResumePoint from = take_resume_point(at);
  if (at == At::batch) return;
  if (at == At::batch_end) {
    end_batch(run, batch, from);
    after_batch(run);
  } else {
    validate(run, from);
    finish_batch(run);
  }
}

Value EvaluationLoop::resume_state() const {
  Value seen = Value::list();
  for (const std::int64_t n : seen_batches_) seen.push_back(n);
  Value states = Value::list();
  for (const auto& loader : loaders_) states.push_back(loader->state_dict());
  return Dict{{"has_run", has_run}, {"seen_batches", seen}, {"batch_progress", batch_progress.state_dict()},
              {"last_reload_epoch", last_reload_epoch_}, {"loaders", states}};
}

void EvaluationLoop::load_resume_state(const Value& state) {
  has_run = state.at("has_run").as_bool();
  batch_progress.load_state_dict(state.at("batch_progress"));
  if (!has_loaders()) {
    resumed_ = state;
    return;
  }
  const List& seen = state.at("seen_batches").items();
  for (std::size_t i = 0; i < std::min(seen.size(), seen_batches_.size()); ++i) seen_batches_[i] = seen[i].as_int();
  const List& states = state.at("loaders").items();
  for (std::size_t i = 0; i < std::min(states.size(), loaders_.size()); ++i) loaders_[i]->load_state_dict(states[i]);
}

void EvaluationLoop::finish_resumed(Run& run, ResumePoint from) {
  mode_.capture(*run.module);
  LEVIN_CALL_MODULE(run, on_validation_model_eval);
  end(run, from);
}

}  // namespace levin
