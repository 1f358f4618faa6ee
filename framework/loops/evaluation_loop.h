#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "levin/framework/loops/fetcher.h"
#include "levin/framework/loops/module_mode.h"
#include "levin/framework/loops/progress.h"
#include "levin/framework/loops/resume_point.h"
#include "levin/framework/loops/run.h"
#include "levin/framework/results/result_collection.h"

namespace levin {

/// Validation within fit, or a `validate` or `test` of its own: all loaders one after the other, in eval mode without gradients.
class LEVIN_API EvaluationLoop {
 public:
  /// `within_fit`: the loaders are kept between passes and progress survives restarts.
  EvaluationLoop(TrainerFn fn, bool within_fit) : fn_(fn), within_fit_(within_fit) {}

  /// One pass. Returns a map of the logged epoch metrics per loader.
  std::vector<MetricMap> run(Run& run);
  /// Gets the loaders and counts their batches, unless that was done and nothing asks for new ones. `epoch` is the current one.
  void setup_data(Run& run);
  void teardown();

  /// Batches per loader, under the limits and the sanity check's.
  std::vector<std::int64_t> max_batches(const Run& run) const;
  bool has_loaders() const { return !loaders_.empty(); }
  const Loaders& loaders() const { return loaders_; }
  const Fetcher& fetcher() const { return fetcher_; }

  Value state_dict() const;
  void load_state_dict(const Value& state);

  // An exact resume: see fit_resume.cpp.
  /// What a pass that begins now depends on.
  Value resume_state() const;
  void load_resume_state(const Value& state);
  /// The hook `on_validation_end` is being called: its phase (see ResumePoint), else -1.
  int end_phase() const { return end_phase_; }
  /// Only what was left of a pass whose `on_validation_end` saved the checkpoint.
  void finish_resumed(Run& run, ResumePoint from);

  BatchProgress batch_progress;
  ResultCollection results{/*training=*/false};
  /// Whether a pass other than the sanity check has run since the run began.
  bool has_run = false;

  // Restarting: see fit_restart.cpp.
  bool restarting = false;
  bool restarted_mid_evaluation = false;
  void update_restart_stage();
  /// Counts the pass that a resumed checkpoint's validation had made as done.
  void count_as_done(Run& run);

 private:
  void reset(Run& run);
  void evaluate_batch(Run& run, Fetcher::Item& item);
  std::vector<MetricMap> finish(Run& run);
  void end(Run& run, ResumePoint from);
  void begin(Run& run);
  bool should_reload(const Run& run) const;

  TrainerFn fn_;
  bool within_fit_;
  Loaders loaders_;
  std::vector<std::int64_t> max_batches_, seen_batches_;
  std::vector<MetricMap> outputs_;
  std::int64_t last_reload_epoch_ = std::numeric_limits<std::int64_t>::min() / 2;
  Fetcher fetcher_;
  ModuleMode mode_;
  int end_phase_ = -1;
  Value resumed_;  ///< a state to be loaded when the loaders are there
};

}  // namespace levin
