#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

/// Where a run is when a checkpoint is considered. A value: whoever asks fills it in, nobody keeps
/// it.
namespace levin {

struct Moment {
  enum class Event : std::uint8_t {
    train_start,
    train_batch_end,
    train_epoch_end,
    validation_end,
    train_end,
    exception,
  };

  Event event = Event::train_batch_end;
  std::int64_t epoch = 0;        ///< current_epoch, from 0
  std::int64_t global_step = 0;  ///< optimizer steps taken
  bool is_last_batch = false;    ///< of the epoch; at train_batch_end
  bool validation_follows =
      false;  ///< validation is enabled, has batches, and this epoch is due for it
  bool saves_on_train_epoch_end = true;  ///< see saves_on_train_epoch_end() in checkpoint_policy.h
  bool automatic_optimization = true;
  bool fitting = true;  ///< the trainer runs fit, and not validate, test or predict
  bool fast_dev_run = false;
  bool sanity_checking = false;
  bool already_saved =
      false;           ///< the newest save was at this global_step; CheckpointPolicy fills it in
  double seconds = 0;  ///< a steady clock
  /// Whether `callback_metrics` (with "epoch" and "step") has a metric. Unset: it has none.
  std::function<bool(std::string_view)> has_metric;

  bool has(std::string_view metric) const { return has_metric && has_metric(metric); }
  /// Whether a regular save may happen at all.
  bool may_save() const { return fitting && !fast_dev_run && !sanity_checking && !already_saved; }
};

}  // namespace levin
