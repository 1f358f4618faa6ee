#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "levin/framework/data/combined_loader.h"
#include "levin/framework/loops/evaluation_loop.h"
#include "levin/framework/loops/fetcher.h"
#include "levin/framework/loops/optimization.h"
#include "levin/framework/loops/progress.h"
#include "levin/framework/loops/resume_point.h"
#include "levin/framework/loops/run.h"
#include "levin/framework/loops/thread_scope.h"
#include "levin/framework/tensors/rng_state.h"

namespace levin {

/// Training: epochs of batches, with validation, schedulers and logging where Lightning has them.
///
/// `run` is the whole story and reads as a page (fit_loop.cpp). The counters are Lightning's trackers; a checkpoint holds them as
/// they are at the moment of the save, and where the loop goes on afterwards is decided in one place (fit_restart.cpp).
class LEVIN_API FitLoop {
 public:
  /// Trains until a limit is reached or a stop is asked for.
  void run(Run& run);
  void teardown();

  /// Optimizer steps so far: `Trainer::global_step`.
  std::int64_t global_step(const Run& run) const;
  /// Epochs completed; while epoch n runs it is n.
  std::int64_t current_epoch() const { return epoch_progress.current.completed; }
  std::int64_t batch_idx() const { return batch_progress.current.ready - 1; }
  std::int64_t total_batch_idx() const { return batch_progress.total.ready - 1; }
  /// Batches of one epoch; `unlimited` for a loader without length.
  std::int64_t max_batches() const { return max_batches_; }
  /// One by one, also those of a CombinedLoader.
  Loaders train_loaders() const { return flattened(loaders_); }
  /// A new run begins: its loaders are asked for anew.
  void forget_loaders() {
    loaders_ = {};
    val_loop.forget_loaders();
  }
  /// The number of steps that this fit will take; `unlimited` when nothing limits it. Gets the training loader if need be.
  std::int64_t estimated_stepping_batches(Run& run);
  /// Gets the training loader, unless that was done and nothing asks for a new one.
  void setup_data(Run& run);
  /// Whether gradients go on accumulating after the batch at hand.
  bool should_accumulate(const Run& run) const;
  /// Whether the batch at hand is the epoch's last.
  bool is_last_batch_of_epoch() const;
  /// Whether `min_epochs` and `min_steps` allow a stop that somebody asked for.
  bool can_stop_early(const Run& run) const;
  /// Whether step values go to the loggers at this step.
  bool should_update_logs(const Run& run) const;

  /// The checkpoint's `loops.fit_loop`.
  Value state_dict() const;
  void load_state_dict(const Value& state, const Run& run);

  /// What the checkpoint's `loops` do not tell: where in the run it is saved, and all that the rest of the run depends on.
  /// `interrupted`: an exception is on its way out, so the call that it came from is repeated.
  Value resume_state(Run& run, bool interrupted) const;
  /// What one rank finds of that in a checkpoint.
  struct SavedState {
    const Value* state = nullptr;
    std::int64_t world_size = 1;                  ///< how many ranks there were
    std::optional<int> new_rank = std::nullopt;  ///< this rank was not there: the state is rank 0's
  };
  /// After `load_state_dict`: goes on at that very point instead of where Lightning would.
  ///
  /// With another number of ranks than then, an epoch that was under way goes on at the first batch that is not wholly behind the last
  /// one: no sample is left out, fewer than a batch of all ranks come twice. What was left of the last batch's hooks and a half
  /// accumulated gradient are dropped; new ranks get random numbers of their own.
  void resume_exactly(const SavedState& saved, Run& run);
  /// A sanity check comes before a run and between epochs, not before the rest of one.
  bool skips_sanity_check() const { return val_loop.restarting || (resume_ && resume_->point.inside_batch()); }

  Progress epoch_progress;
  BatchProgress batch_progress;
  Progress scheduler_progress{TrackerKeys::ready_completed};
  Optimization optimization;
  EvaluationLoop val_loop{TrainerFn::fit, /*within_fit=*/true};
  ResultCollection results{/*training=*/true};
  std::int64_t batches_that_stepped = 0;

 private:
  using At = ResumePoint::At;

  // fit_loop.cpp
  bool done(Run& run);
  void run_epoch(Run& run);
  bool run_batch(Run& run);
  bool fetch_batch(Run& run, Batch& batch);
  void end_batch(Run& run, const Batch& batch, ResumePoint from = {});
  void after_batch(Run& run);
  void finish_batch(Run& run);
  void end_epoch(Run& run);
  void call_epoch_end(Run& run);

  // fit_schedule.cpp: what is due
  bool batches_done(Run& run);
  bool steps_reached(const Run& run) const;
  bool validation_due(Run& run);
  bool accumulated_batches_reached(const Run& run) const;
  void step_schedulers(Run& run, std::string_view interval, bool plateau);
  void validate(Run& run, ResumePoint from = {});

  // fit_restart.cpp: where to go on
  void begin_run(Run& run);
  void begin_epoch(Run& run);
  void begin_batches(Run& run);
  bool only_validation_is_left(Run& run);
  void open_train_loader(Run& run);
  void start_train_loader(Run& run);
  void set_restarting(bool restarting, const Run& run);
  void update_restart_stage();
  void load_loader_states(Run& run);

  // fit_resume.cpp: going on as if nothing had happened
  bool resumes_at(At at) const { return resume_ && resume_->point.at == at; }
  void restore_moment(Run& run);
  void load_counts(LightningModule& module);
  ResumePoint take_resume_point(At at);
  void finish_resumed_batch(Run& run);
  void finish_resumed_epoch(Run& run);
  void reopen_epoch();
  void share_epoch_anew();
  void load_resumed_loader(Run& run);
  std::int64_t first_batch_to_fetch() const;

  Loaders loaders_;  // one; several are one CombinedLoader
  Fetcher fetcher_;
  std::unique_ptr<ThreadScope> threads_;  ///< from the first batch to the end of the run
  std::int64_t max_batches_ = unlimited;
  std::int64_t val_check_batch_ = unlimited;
  std::int64_t last_reload_epoch_ = std::numeric_limits<std::int64_t>::min() / 2;
  double last_validation_time_ = 0;

  // What a restart found, from the trackers; forgotten after the first epoch or batch.
  enum class EpochRestart : std::uint8_t { none, on_epoch_start, mid_epoch, on_epoch_end, resumed_on_epoch_end };
  enum class BatchRestart : std::uint8_t { none, on_train_batch_end, on_last };
  EpochRestart epoch_restart_ = EpochRestart::none;
  BatchRestart batch_restart_ = BatchRestart::none;
  bool restarting_ = false, batches_restarting_ = false, loaded_ = false, resuming_ = false;
  bool skip_next_validation_ = false;
  bool loader_asked_early_ = false;  ///< by `estimated_stepping_batches`, before a checkpoint's loader states were there
  std::vector<Value> loader_states_;

  /// Where the loop is now, for the next checkpoint.
  ResumePoint at_;
  StepOutput output_;  ///< of the batch at hand, until its end hooks are done; still there if one of them throws
  struct Resume {
    ResumePoint point;
    Value state;
    RngState rng;
    bool same_callbacks;  ///< as many as then: what they had done to the run still holds
    std::int64_t world_size, former_world_size;
    bool new_rank;
    bool same_world() const { return world_size == former_world_size; }
  };
  std::optional<Resume> resume_;
  std::int64_t given_accumulation_ = 1;  ///< the Trainer's option, before a callback changed it
  /// The generators and the counters when the validation at hand began: it is repeated if the run is resumed from within it.
  struct ValidationStart {
    RngState rng;
    Value val_loop, metrics;
  };
  std::optional<ValidationStart> validation_start_;
  MetricLog::Position training_position_ = MetricLog::Position::outside;  ///< kept aside during a validation
};

}  // namespace levin
