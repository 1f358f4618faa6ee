#pragma once
#include <cstdint>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

/// Lightning's progress trackers: the loops' real counters, and what a checkpoint's `loops` entry holds.
namespace levin {

/// How often something became ready, started, was processed (its work is done), completed (its end hooks are done). They are
/// increased in that order; a failure in between leaves them apart for ever.
struct Tracker {
  std::int64_t ready = 0, completed = 0, started = 0, processed = 0;
  bool operator==(const Tracker&) const = default;
  /// Back to what was fully completed.
  void reset_on_restart() { ready = started = processed = completed; }
  void increment_by(std::int64_t n) { ready += n, completed += n, started += n, processed += n; }
};

/// Which of a tracker's counters are kept in a checkpoint, in Lightning's key order.
enum class TrackerKeys : std::uint8_t { ready_completed, with_started, with_processed };

/// A tracker over the whole run and one over the current epoch (or run of an evaluation).
struct LEVIN_API Progress {
  explicit Progress(TrackerKeys which = TrackerKeys::with_processed) : keys(which) {}
  Tracker total, current;
  TrackerKeys keys;

  void increment_ready() { ++total.ready, ++current.ready; }
  void increment_started() { ++total.started, ++current.started; }
  void increment_processed() { ++total.processed, ++current.processed; }
  void increment_completed() { ++total.completed, ++current.completed; }
  void increment_by(std::int64_t n) { total.increment_by(n), current.increment_by(n); }
  void reset_on_run() { current = {}; }
  void reset_on_restart() { current.reset_on_restart(); }

  Value state_dict() const;
  void load_state_dict(const Value& state);
};

/// Batches: also whether the batch at hand is the epoch's last.
struct LEVIN_API BatchProgress : Progress {
  bool is_last_batch = false;
  void reset_on_run() {
    Progress::reset_on_run();
    is_last_batch = false;
  }
  void increment_by(std::int64_t n, bool last) {
    Progress::increment_by(n);
    is_last_batch = last;
  }
  Value state_dict() const;
  void load_state_dict(const Value& state);
};

/// Steps and gradient resets of automatic optimization. `step.total.completed` is `global_step`.
struct LEVIN_API OptimizerProgress {
  Progress step{TrackerKeys::ready_completed};
  Progress zero_grad{TrackerKeys::with_started};
  void reset_on_run() { step.reset_on_run(), zero_grad.reset_on_run(); }
  void reset_on_restart() { step.reset_on_restart(), zero_grad.reset_on_restart(); }
  Value state_dict() const;
  void load_state_dict(const Value& state);
};

}  // namespace levin
