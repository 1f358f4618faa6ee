// Where a resumed run goes on. Lightning finds that out from its trackers; the decision is made here and nowhere else.
#include <algorithm>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/loops/module_mode.h"

namespace levin {
namespace {

bool iteration_based(const Run& run) { return run.options.max_steps != -1; }

// How far a tracker's four counters are apart, as (started - ready, processed - started, completed - processed).
bool apart(const Tracker& t, std::int64_t started, std::int64_t processed, std::int64_t completed) {
  return t.started - t.ready == started && t.processed - t.started == processed && t.completed - t.processed == completed;
}

}  // namespace

void FitLoop::set_restarting(bool restarting, const Run& run) {
  // A finished epoch is not restarted, unless steps alone limit the training.
  const Tracker& epoch = epoch_progress.current;
  const bool unfinished = epoch.ready != epoch.processed || epoch.started != epoch.processed;
  restarting_ = (restarting && unfinished) || iteration_based(run);
  batches_restarting_ = val_loop.restarting = restarting_;
}

void FitLoop::update_restart_stage() {
  const Tracker& epoch = epoch_progress.total;
  if (restarting_ && apart(epoch, -1, 0, 0)) epoch_restart_ = EpochRestart::on_epoch_start;
  else if (restarting_ && apart(epoch, 0, -1, 0)) epoch_restart_ = EpochRestart::mid_epoch;
  else if (restarting_ && apart(epoch, 0, 0, -1)) epoch_restart_ = EpochRestart::on_epoch_end;
  else if (loaded_ && apart(epoch, 0, 0, -1)) epoch_restart_ = EpochRestart::resumed_on_epoch_end;
  else epoch_restart_ = EpochRestart::none;

  const Tracker& batch = batch_progress.total;
  if (batches_restarting_ && apart(batch, 0, 0, -1)) batch_restart_ = BatchRestart::on_train_batch_end;
  else if (batches_restarting_ && apart(batch, 0, 0, 0)) batch_restart_ = BatchRestart::on_last;
  else batch_restart_ = BatchRestart::none;

  val_loop.update_restart_stage();
}

void EvaluationLoop::update_restart_stage() {
  restarted_mid_evaluation = restarting && apart(batch_progress.total, 0, -1, 0);
}

void EvaluationLoop::count_as_done(Run& run) {
  setup_data(run);
  const auto batches = max_batches(run);
  std::int64_t most = 0;
  for (const auto n : batches) most = std::max(most, n);
  if (most == 0) return;
  reset(run);
  if (most != unlimited) batch_progress.increment_by(most, true);
}

void FitLoop::begin_run(Run& run) {
  update_restart_stage();
  if (epoch_restart_ == EpochRestart::on_epoch_start) epoch_progress.reset_on_restart();
  if (epoch_restart_ == EpochRestart::resumed_on_epoch_end) epoch_progress.increment_completed();
  const bool saved_at_last_batch = batch_restart_ == BatchRestart::on_train_batch_end && batch_progress.is_last_batch;
  if (saved_at_last_batch && epoch_restart_ == EpochRestart::mid_epoch) {
    epoch_progress.increment_processed();
    epoch_progress.increment_completed();
  }
  if (saved_at_last_batch && epoch_restart_ != EpochRestart::mid_epoch && !val_loop.batch_progress.is_last_batch)
    epoch_progress.increment_completed();

  if (!iteration_based(run) && !resume_) epoch_progress.current.completed = epoch_progress.current.processed;
  // So that the progress bar knows how much validation there is.
  if (run.validates_this_epoch() && !val_loop.has_loaders()) {
    run.stage = Stage::validating;
    val_loop.setup_data(run);
    run.stage = Stage::training;
  }
  if (const std::size_t n = count_in_eval_mode(*run.module); n > 0) {
    rank_zero_warn("Found " + std::to_string(n) + " module(s) in eval mode at the start of training. This may lead to unexpected behavior " +
                   "during training. If this is intentional, you can ignore this warning.");
  }
}

void FitLoop::begin_epoch(Run& run) {
  if (resume_ && resume_->point.inside_batch()) return;
  if (epoch_restart_ == EpochRestart::mid_epoch || epoch_restart_ == EpochRestart::on_epoch_end) return;
  const bool counted = resumes_at(At::epoch_start) || epoch_restart_ == EpochRestart::on_epoch_start;
  if (!counted) epoch_progress.increment_ready();
  take_resume_point(At::epoch_start);
  at_ = {At::epoch_start};
  LEVIN_CALL(run, on_train_epoch_start);
  epoch_progress.increment_started();
}

void FitLoop::begin_batches(Run& run) {
  if (resume_) {  // exactly, inside the epoch: all counters are right and the loader is where it was
    fetcher_.add_fetched(first_batch_to_fetch());
    return;
  }
  if (batches_restarting_ && !should_accumulate(run) &&
      (batch_restart_ == BatchRestart::on_train_batch_end || batch_restart_ != BatchRestart::on_last)) {
    // The count is behind by one in every file saved before the batch was over.
    ++batches_that_stepped;
  }
  if (batch_restart_ == BatchRestart::on_train_batch_end) {
    batch_progress.increment_completed();
    if (batch_progress.current.completed >= max_batches_) {
      batch_progress.reset_on_run();
      scheduler_progress.reset_on_run();
      optimization.optim_progress.reset_on_run();
      val_loop.batch_progress.total = {};
    }
  }
  if (batches_restarting_) {
    batch_progress.reset_on_restart();
    scheduler_progress.reset_on_restart();
    optimization.optim_progress.reset_on_restart();
    const std::int64_t n = run.options.accumulate_grad_batches;
    const Loaders loaders = train_loaders();
    const bool resumable = std::all_of(loaders.begin(), loaders.end(), [](const auto& loader) { return loader->stateful(); });
    if (max_batches_ != unlimited && !resumable && global_step(run) % ((max_batches_ + n - 1) / n) != 0) {
      rank_zero_warn("You're resuming from a checkpoint that ended before the epoch ended and your dataloader is not resumable. This can "
                     "cause unreliable results if further training is done. Consider using an end-of-epoch checkpoint or make your "
                     "dataloader resumable by implementing the `state_dict` / `load_state_dict` interface.");
    }
  } else {
    batch_progress.reset_on_run();
    scheduler_progress.reset_on_run();
    optimization.optim_progress.reset_on_run();
    val_loop.batch_progress.total = {};
  }
  // The first pass was begun with the loader, a resumed one too.
  if (current_epoch() > 0 && !resuming_ && !batches_restarting_) start_train_loader(run);
  fetcher_.add_fetched(batch_progress.current.ready);
}

// Of the batch at hand, which a resumed run has trained on already.
bool FitLoop::only_validation_is_left(Run& run) {
  if (batches_restarting_ && validation_due(run)) {
    if (val_loop.restarted_mid_evaluation) return true;
    if (batch_restart_ == BatchRestart::on_last) {
      skip_next_validation_ = true;
      return true;
    }
    val_loop.count_as_done(run);
  }
  val_loop.restarting = false;
  return false;
}

void FitLoop::open_train_loader(Run& run) {
  load_loader_states(run);
  if (!resume_ || !resume_->point.starts_another_epoch()) start_train_loader(run);
}

void FitLoop::start_train_loader(Run&) {
  loaders_[0]->set_epoch(epoch_progress.current.processed);
  fetcher_.start(loaders_, {max_batches_}, first_batch_to_fetch());
}

void FitLoop::load_loader_states(Run& run) {
  if (resume_) load_resumed_loader(run);
  if ((!restarting_ && !resume_) || loader_states_.empty()) return;
  std::vector<std::shared_ptr<Loader>> stateful;
  for (const auto& loader : train_loaders())
    if (loader->stateful()) stateful.push_back(loader);
  if (stateful.size() != loader_states_.size()) {
    throw RuntimeError("The CombinedLoader has " + std::to_string(stateful.size()) + " stateful loaders, but found " +
                       std::to_string(loader_states_.size()) + " states in the checkpoint. Please make sure you define the same dataloaders " +
                       "that were used when saving the checkpoint.");
  }
  for (std::size_t i = 0; i < stateful.size(); ++i) stateful[i]->load_state_dict(loader_states_[i]);
  loader_states_.clear();
}

Value FitLoop::state_dict() const {
  Value own = Value::dict();
  List loaders;
  for (const auto& loader : train_loaders())
    if (loader->stateful()) loaders.push_back(loader->state_dict());
  if (!loaders.empty()) own["combined_loader"] = Value::list(std::move(loaders));
  const Value none = Value::dict();
  return Dict{
      {"state_dict", own},
      {"epoch_loop.state_dict", Dict{{"_batches_that_stepped", batches_that_stepped}}},
      {"epoch_loop.batch_progress", batch_progress.state_dict()},
      {"epoch_loop.scheduler_progress", scheduler_progress.state_dict()},
      {"epoch_loop.automatic_optimization.state_dict", none.clone()},
      {"epoch_loop.automatic_optimization.optim_progress", optimization.optim_progress.state_dict()},
      {"epoch_loop.manual_optimization.state_dict", none.clone()},
      {"epoch_loop.manual_optimization.optim_step_progress", optimization.manual_step_progress.state_dict()},
      {"epoch_loop.val_loop.state_dict", none.clone()},
      {"epoch_loop.val_loop.batch_progress", val_loop.batch_progress.state_dict()},
      {"epoch_progress", epoch_progress.state_dict()},
  };
}

void FitLoop::load_state_dict(const Value& state, const Run& run) {
  const auto load = [&](const char* key, auto& progress) {
    if (const Value* saved = state.find(key)) progress.load_state_dict(*saved);
  };
  load("epoch_progress", epoch_progress);
  load("epoch_loop.batch_progress", batch_progress);
  load("epoch_loop.scheduler_progress", scheduler_progress);
  load("epoch_loop.automatic_optimization.optim_progress", optimization.optim_progress);
  load("epoch_loop.manual_optimization.optim_step_progress", optimization.manual_step_progress);
  load("epoch_loop.val_loop.batch_progress", val_loop.batch_progress);
  if (const Value* own = state.find("epoch_loop.state_dict"))
    if (const Value* stepped = own->find("_batches_that_stepped")) batches_that_stepped = stepped->as_int();
  if (const Value* own = state.find("state_dict"))
    if (const Value* states = own->find("combined_loader")) loader_states_ = states->items();
  set_restarting(true, run);
  loaded_ = resuming_ = true;
}

}  // namespace levin
