#include "levin/framework/results/metric_log.h"

#include "levin/framework/base/background_log.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

void count_rows(const Batch& batch, std::int64_t& rows, bool& ambiguous) {
  batch.for_each([&](const at::Tensor& tensor) {
    const std::int64_t n = tensor.dim() == 0 ? 1 : tensor.size(0);
    if (rows < 0) rows = n;
    else ambiguous = ambiguous || n != rows;
  });
}

}  // namespace

bool MetricLog::may_log(std::string_view name, const LogOptions& options) {
  if (barebones) {
    rank_zero_warn("You are trying to `self.log()` but `Trainer(barebones=True)` is configured. Logging can impact raw speed "
                   "so it is disabled under this setting.");
    return false;
  }
  if (hook_ == Hook::none)
    throw MisconfigurationException("You are trying to `self.log()` but it is not managed by the `Trainer` control flow");
  if (!results_) {
    throw MisconfigurationException(
        "You are trying to `self.log()` but the loop's result collection is not registered yet. This is most likely because you "
        "are trying to log in a `predict` hook, but it doesn't support logging");
  }
  if (options.add_dataloader_idx && name.find("/dataloader_idx_") != name.npos) {
    throw MisconfigurationException("You called `self.log` with the key `" + std::string(name) +
                                    "` but it should not contain information about `dataloader_idx` when `add_dataloader_idx=True`");
  }
  if (options.logger.value_or(false) && loggers.empty()) {
    warn_once("You called `self.log('" + std::string(name) + "', ..., logger=True)` but have no logger configured. You can enable one by doing " +
              "`Trainer(logger=ALogger(...))`");
  }
  return true;
}

void MetricLog::log(std::string_view name, const at::Tensor& value, const LogOptions& options) {
  if (!may_log(name, options)) return;
  if (!value.defined()) throw ValueError("`self.log(" + std::string(name) + ", ...)` was called with an undefined tensor");
  if (value.numel() != 1) {
    throw ValueError("`self.log(" + std::string(name) + ", tensor of " + std::to_string(value.numel()) +
                     " elements)` was called, but the tensor must have a single element. You can try doing `self.log(" +
                     std::string(name) + ", value.mean())`");
  }
  if (!value.is_floating_point()) {
    const std::string text(name);
    warn_once("You called `self.log('" + text + "', ...)` in your `" + hook_name(hook_) + "` but the value needs to be floating to be reduced. " +
              "Converting it to torch.float32. You can silence this warning by converting the value to floating point yourself. If you don't " +
              "intend to reduce the value (for instance when logging the global step or epoch) then you can use " +
              "`self.logger.log_metrics({'" + text + "': ...})` instead.");
  }
  if (recorder) return recorder(name, &value, options);
  log_value(name, MetricValue::of(value), options);
}

void MetricLog::log(std::string_view name, double value, const LogOptions& options) {
  if (!may_log(name, options)) return;
  if (recorder) return recorder(name, nullptr, options);
  log_value(name, MetricValue(value), options);
}

void MetricLog::log(std::string_view name, const std::shared_ptr<metrics::Metric>& metric, const LogOptions& options) {
  if (!may_log(name, options)) return;
  if (recorder) return recorder(name, nullptr, options);
  results_->log(hook_, name, metric, begin_log(options), options.metric_attribute);
  last_logged_in_ = hook_;
}

void MetricLog::log_value(std::string_view name, const MetricValue& value, const LogOptions& options) {
  const LogMeta meta = begin_log(options);
  // Between passes nobody will share the epoch's reduction any more, so the value itself is.
  const bool shares = meta.is_shared() && across_ranks, outside = position_ == Position::outside;
  const MetricValue of_step = shares && (meta.on_step || outside) ? over_all_ranks(value, meta.reduction) : value;
  results_->log(hook_, name, shares && outside ? of_step : value, of_step, meta, options.metric_attribute, batch_size(options, meta),
                shares && outside);
  last_logged_in_ = hook_;
}

// The arguments with their defaults filled in.
LogMeta MetricLog::begin_log(const LogOptions& options) {
  const LogLevels levels = log_levels(hook_, options.on_step, options.on_epoch);
  if (!levels.on_step && !levels.on_epoch)
    throw MisconfigurationException("`self.log(on_step=False, on_epoch=False)` is not useful.");
  // A hook's first log of a new epoch drops what the hook had logged before.
  if (last_logged_in_ != hook_ && position_ != Position::later_batch) {
    flush();
    results_->reset(hook_);
  }
  return {options.prog_bar, options.logger.value_or(true), levels.on_step, levels.on_epoch,
          reduction_of(options.reduce_fx), options.enable_graph, options.sync_dist, options.add_dataloader_idx,
          options.rank_zero_only, results_->dataloader_idx};
}

MetricValue MetricLog::over_all_ranks(const MetricValue& value, Reduction reduction) const {
  std::vector<double> number{value.item()};
  across_ranks(number, reduction);
  return MetricValue(number[0], value.is_double());
}

std::int64_t MetricLog::batch_size(const LogOptions& options, const LogMeta& meta) {
  if (options.batch_size) return *options.batch_size;
  if (batch_size_ >= 0) return batch_size_;
  if (!batch_ || !meta.on_epoch || meta.reduction != Reduction::mean) return 1;
  bool ambiguous = false;
  count_rows(*batch_, batch_size_, ambiguous);
  if (batch_size_ < 0) {
    throw MisconfigurationException(
        "We could not infer the batch_size from the batch. Either simplify its structure or provide the batch_size as "
        "`self.log(..., batch_size=batch_size)`.");
  }
  if (ambiguous) {
    warn_once("Trying to infer the `batch_size` from an ambiguous collection. The batch size we found is " +
              std::to_string(batch_size_) +
              ". To avoid any miscalculations, use `self.log(..., batch_size=batch_size)`.");
  }
  return batch_size_;
}

MetricSets MetricLog::current() {
  return results_ ? results_->metrics(/*on_step=*/position_ != Position::outside) : MetricSets();
}

void MetricLog::update(const MetricSets& sets) {
  callback_metrics_.update(sets.callback);
  logged_metrics_.update(sets.logged);
  progress_bar_metrics_.update(sets.progress_bar);
}

// Copies a finished batch's values to the readers' maps; put off from the batch's end until something could change them.
void MetricLog::flush() {
  if (!std::exchange(step_update_due_, false) || !results_) return;
  update(results_->metrics(/*on_step=*/true));
}

const MetricMap& MetricLog::callback_metrics() {
  flush();
  callback_metrics_.update(current().callback);
  return callback_metrics_;
}

const MetricMap& MetricLog::logged_metrics() {
  flush();
  logged_metrics_.update(current().logged);
  return logged_metrics_;
}

const MetricMap& MetricLog::progress_bar_metrics() {
  flush();
  progress_bar_metrics_.update(current().progress_bar);
  return progress_bar_metrics_;
}

void MetricLog::activate(ResultCollection* results) {
  flush();
  results_ = results;
}

void MetricLog::on_batch_start(const Batch& batch, std::int64_t dataloader_idx) {
  if (position_ == Position::outside) position_ = Position::first_batch;
  else position_ = Position::later_batch;
  batch_ = &batch;
  batch_size_ = -1;
  if (!results_) return;
  results_->begin_batch();
  if (results_->dataloader_idx != dataloader_idx) flush();
  results_->dataloader_idx = dataloader_idx;
}

void MetricLog::on_batch_end() {
  step_update_due_ = true;
  batch_ = nullptr;
  batch_size_ = -1;
}

void MetricLog::epoch_end_reached() {
  flush();
  position_ = Position::outside;
  if (results_ && across_ranks) results_->share(across_ranks);
}

void MetricLog::on_epoch_end() {
  update(current());
  last_logged_in_ = Hook::none;
}

MetricMap MetricLog::take_evaluation_metrics(bool sanity_checking) {
  if (sanity_checking) return {};
  const MetricSets sets = current();
  update(sets);
  return sets.logged;
}

void MetricLog::forget_dataloader_idx() {
  if (results_) results_->dataloader_idx = -1;
}

void MetricLog::reset_results() {
  flush();
  if (results_) results_->reset();
  position_ = Position::outside;
  last_logged_in_ = Hook::none;
}

void MetricLog::abandon() {
  if (batch_ && results_) results_->roll_back_batch();
  batch_ = nullptr;
  activate(nullptr);
}

void MetricLog::reset_metrics() {
  step_update_due_ = false;
  callback_metrics_.clear();
  logged_metrics_.clear();
  progress_bar_metrics_.clear();
}

void MetricLog::write(const MetricMap& metrics, std::int64_t step, std::int64_t epoch) {
  if (loggers.empty() || metrics.empty()) return;
  logged_metrics_.update(metrics);
  row_.clear();
  for (const auto& [name, value] : metrics) row_.push_back({name, value.item()});
  send_row_with_epoch(step, epoch);
}

void MetricLog::write_pending(std::int64_t step, std::int64_t epoch) {
  if (take_pending_row()) send_row_with_epoch(step, epoch);
}

void MetricLog::write_pending_at(std::int64_t step) {
  if (take_pending_row()) send_row(step);
}

// False if nobody gets it or nothing is in it.
bool MetricLog::take_pending_row() {
  if (loggers.empty() || !results_) return false;
  const bool on_step = position_ != Position::outside;
  // A step's values are copied for readers when one comes.
  if (!on_step || !step_update_due_) logged_metrics_.update(current().logged);
  row_.clear();
  results_->append_logged(on_step, row_);
  return !row_.empty();
}

void MetricLog::send_row_with_epoch(std::int64_t step, std::int64_t epoch) {
  bool has_epoch = false;
  std::erase_if(row_, [&](const Metric& metric) {
    has_epoch = has_epoch || metric.name == "epoch" || metric.name == "step";
    if (metric.name != "step") return false;
    step = static_cast<std::int64_t>(metric.value);
    return true;
  });
  if (!has_epoch) row_.push_back({"epoch", static_cast<double>(epoch), /*integer=*/true});
  send_row(step);
}

void MetricLog::send_row(std::int64_t step) {
  if (rank != 0) return;
  const SharedRow once_for_all_files(row_, step);
  for (const auto& logger : loggers) {
    logger->log_metrics(row_, step);
    if (!logger->saves_by_itself()) logger->save();
  }
}

}  // namespace levin
