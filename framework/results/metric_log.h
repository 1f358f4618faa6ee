#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "levin/framework/logger.h"
#include "levin/framework/module/batch.h"
#include "levin/framework/module/hooks.h"
#include "levin/framework/results/log_options.h"
#include "levin/framework/results/result_collection.h"

namespace levin {

/// Where `log()` arrives, and where callbacks, loggers and the progress bar read.
///
/// The loops say which hook runs, which collection is active, and when a batch or an epoch begins and ends; nothing is computed
/// until somebody reads. Values become visible to readers exactly when Lightning's logger connector makes them visible.
class LEVIN_API MetricLog {
 public:
  // ---- from a module or a callback ------------------------------------------------------------------------------------------
  void log(std::string_view name, const at::Tensor& value, const LogOptions& options);
  void log(std::string_view name, double value, const LogOptions& options);
  /// `options.metric_attribute` is the metric's name in its module.
  void log(std::string_view name, const std::shared_ptr<metrics::Metric>& metric, const LogOptions& options);

  // ---- readers --------------------------------------------------------------------------------------------------------------
  const MetricMap& callback_metrics();
  const MetricMap& logged_metrics();
  const MetricMap& progress_bar_metrics();

  // ---- from the loops -------------------------------------------------------------------------------------------------------
  /// The hook that is running; restores the one before.
  class HookScope {
   public:
    HookScope(MetricLog& log, Hook hook) : log_(log), before_(log.hook_) { log.hook_ = hook; }
    ~HookScope() { log_.hook_ = before_; }
    HookScope(const HookScope&) = delete;

   private:
    MetricLog& log_;
    Hook before_;
  };
  Hook hook() const { return hook_; }

  /// Which collection `log()` fills from now on; null: logging is an error (predict).
  void activate(ResultCollection* results);
  ResultCollection* active() const { return results_; }
  void on_batch_start(const Batch& batch, std::int64_t dataloader_idx);
  void on_batch_end();
  bool in_batch() const { return batch_ != nullptr; }
  /// The batch loop has finished: readers now see epoch values.
  void epoch_end_reached();
  /// After the epoch-end hooks.
  void on_epoch_end();
  /// Between evaluation loaders, and at the end.
  MetricMap take_evaluation_metrics(bool sanity_checking);
  void forget_dataloader_idx();
  /// Forgets the active collection's values.
  void reset_results();
  /// The run failed: values of an unfinished batch don't reach the readers. Deactivates.
  void abandon();
  /// A new run: readers start empty.
  void reset_metrics();

  /// An exact resume: the readers' maps and the position within the epoch. `set_batch` is the batch that the state was saved in.
  Value state_dict() const;
  void load_state_dict(const Value& state);
  void set_batch(const Batch& batch) { batch_ = &batch; }

  // Validation in the middle of an epoch: the training's position is kept aside.
  enum class Position : std::uint8_t { outside, first_batch, later_batch };
  Position position() const { return position_; }
  void set_position(Position position) { position_ = position; }

  /// Writes one row to all loggers. A metric named "step" replaces `step` and is removed; else "epoch" is added, as in Lightning.
  void write(const MetricMap& metrics, std::int64_t step, std::int64_t epoch);
  /// What `log()` asked to go to the loggers, now.
  void write_pending(std::int64_t step, std::int64_t epoch);
  /// The same with the step given by the caller, which leaves "step" and "epoch" alone.
  void write_pending_at(std::int64_t step);

  /// While it is set, `log()` is handed on to it and nothing else happens: a step is being recorded. `value` is null where it is no
  /// tensor. Names and options live as long as the call.
  std::function<void(std::string_view name, const at::Tensor* value, const LogOptions& options)> recorder;

  std::vector<std::shared_ptr<Logger>> loggers;
  Logger* first_logger() const { return loggers.empty() ? nullptr : loggers.front().get(); }
  bool barebones = false;
  /// Empty with one rank.
  AcrossRanks across_ranks;
  int rank = 0;  ///< loggers hear of rank 0 only

 private:
  MetricValue over_all_ranks(const MetricValue& value, Reduction reduction) const;
  LogMeta begin_log(const LogOptions& options);
  void log_value(std::string_view name, const MetricValue& value, const LogOptions& options);
  bool may_log(std::string_view name, const LogOptions& options);
  std::int64_t batch_size(const LogOptions& options, const LogMeta& meta);
  MetricSets current();
  void flush();
  void update(const MetricSets& sets);
  bool take_pending_row();
  void send_row_with_epoch(std::int64_t step, std::int64_t epoch);
  void send_row(std::int64_t step);

  Hook hook_ = Hook::none, last_logged_in_ = Hook::none;
  ResultCollection* results_ = nullptr;
  Position position_ = Position::outside;
  const Batch* batch_ = nullptr;
  std::int64_t batch_size_ = -1;
  bool step_update_due_ = false;  // a batch ended and its values were not yet copied to the readers' maps
  MetricMap callback_metrics_, logged_metrics_, progress_bar_metrics_;
  std::vector<Metric> row_;
};

}  // namespace levin
