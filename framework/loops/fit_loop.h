#pragma once
#include <cstdint>
#include <optional>

#include "levin/framework/loops/evaluation_loop.h"
#include "levin/framework/loops/fetcher.h"
#include "levin/framework/loops/optimization.h"
#include "levin/framework/loops/progress.h"
#include "levin/framework/loops/run.h"

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
  const Loaders& train_loaders() const { return loaders_; }
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
  /// The `levin` block makes a resume exact: the loader goes on at the batch after the last one consumed.
  void set_exact_resume(bool exact) { exact_resume_ = exact; }

  Progress epoch_progress;
  BatchProgress batch_progress;
  Progress scheduler_progress{TrackerKeys::ready_completed};
  Optimization optimization;
  EvaluationLoop val_loop{TrainerFn::fit, /*within_fit=*/true};
  ResultCollection results{/*training=*/true};
  std::int64_t batches_that_stepped = 0;

 private:
  enum class BatchOutcome : std::uint8_t { trained, end_of_data, skip_epoch, validate_only };

  // fit_loop.cpp
  bool done(Run& run);
  void run_epoch(Run& run);
  void run_batches(Run& run);
  BatchOutcome run_batch(Run& run);
  void after_batch(Run& run);

  // fit_schedule.cpp: what is due
  bool batches_done(Run& run);
  bool steps_reached(const Run& run) const;
  bool validation_due(Run& run);
  bool accumulated_batches_reached(const Run& run) const;
  void step_schedulers(Run& run, std::string_view interval, bool plateau);
  void validate(Run& run);

  // fit_restart.cpp: where to go on
  void begin_run(Run& run);
  void begin_batches(Run& run);
  void start_train_loader(Run& run);
  void set_restarting(bool restarting, const Run& run);
  void update_restart_stage();
  void load_loader_states(Run& run);

  Loaders loaders_;
  Fetcher fetcher_;
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
  bool skip_next_validation_ = false, exact_resume_ = false;
  bool loader_asked_early_ = false;  // by `estimated_stepping_batches`, before a checkpoint's loader states were there
  std::vector<Value> loader_states_;
};

}  // namespace levin
