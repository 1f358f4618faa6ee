#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/metric.h"
#include "levin/framework/module/hooks.h"
#include "levin/framework/results/metric_map.h"
#include "levin/framework/results/metric_value.h"

namespace levin {

namespace metrics {
class Metric;
}

enum class Reduction : std::uint8_t { mean, sum, min, max };
/// Makes numbers of this rank those of all ranks, in place; called by all ranks together. Empty: there is one rank.
using AcrossRanks = std::function<void(std::vector<double>&, Reduction)>;
/// "mean", "sum", "min", "max"; MisconfigurationException in Lightning's words for anything else.
LEVIN_API Reduction reduction_of(std::string_view reduce_fx);

/// How one key is logged, defaults filled in. Two calls with one key must agree.
struct LogMeta {
  bool prog_bar, logger, on_step, on_epoch;
  Reduction reduction;
  bool enable_graph, sync_dist, add_dataloader_idx, rank_zero_only;
  std::int64_t dataloader_idx = -1;  ///< -1: a single loader
  bool operator==(const LogMeta&) const = default;
  /// Whether its epoch's reduction is over all ranks. What only rank 0 logs can't be.
  bool is_shared() const { return sync_dist && !rank_zero_only; }
};

/// What one key has logged since the epoch began.
struct ResultMetric {
  Hook hook;
  std::string name;
  std::int64_t key_dataloader_idx;  ///< part of the key only with `add_dataloader_idx`
  LogMeta meta;
  MetricValue value;                ///< the running reduction
  MetricValue last;                 ///< this step's value
  std::int64_t weight = 0;          ///< the sum of batch sizes, for means
  MetricValue before;               ///< `last` as it was before the batch at hand
  std::int64_t batch = 0;           ///< the batch that was logged in last
  bool has_last = false;
  bool had_before = false;
  bool is_reset = true;             ///< nothing logged since the last reset
  bool shared = false;              ///< with `sync_dist`: the running reduction is over all ranks
  bool is_metric = false;           ///< a Metric is logged, no number
  std::string metric_attribute;     ///< the name of `metric` in its module
  std::shared_ptr<metrics::Metric> metric;  ///< null until then, and after a resume until it is attached
  std::optional<MetricValue> kept;  ///< what `metric` computed, until it is logged again
  /// Under which readers see it, made when first asked for: with "_step" or "_epoch" where it is logged as both, and its loader.
  mutable std::string step_name, epoch_name;
  /// The running reduction as it was before the batch at hand.
  MetricValue value_before;
  std::int64_t weight_before = 0;
  bool was_reset = true;

  /// `of_step`: the value with `sync_dist`, reduced over all ranks.
  void update(const MetricValue& given, const MetricValue& of_step, std::int64_t batch_size, std::int64_t batch_number);
  void update(const std::shared_ptr<metrics::Metric>& given, std::int64_t batch_number);
  /// The epoch's value, over all ranks; nothing where a Metric has none.
  std::optional<MetricValue> computed();
  void reset();
  /// Numbers as they were before the batch at hand. What a Metric has counted stays.
  void roll_back();
  const std::string& reader_name(bool on_step) const;
  /// "/dataloader_idx_N", or nothing.
  std::string loader_suffix() const;

 private:
  void begin_batch(std::int64_t batch_number);
};

/// The metrics of one point in time, for the three kinds of readers.
struct MetricSets {
  MetricMap callback, logged, progress_bar;
};

/// All metrics of one loop (training, or one kind of evaluation), keyed by hook and name.
///
/// A key's slot is found once; after that, calls in the same order find it without a search, a hash or an allocation.
class LEVIN_API ResultCollection {
 public:
  explicit ResultCollection(bool training) : training_(training) {}

  /// Adds a value. MisconfigurationException when the key was logged with other arguments.
  /// `of_step` is the step's value, which with `sync_dist` is all ranks'; `shared`: so is `value`.
  void log(Hook hook, std::string_view name, const MetricValue& value, const MetricValue& of_step, const LogMeta& meta, std::string_view metric_attribute,
           std::int64_t batch_size, bool shared = false);
  /// Takes the value of the metric's last `forward` as this step's, and computes it when the epoch's is asked for.
  void log(Hook hook, std::string_view name, const std::shared_ptr<metrics::Metric>& metric, const LogMeta& meta,
           std::string_view metric_attribute);
  /// The epoch's reductions of what was logged with `sync_dist`, and of Metrics, made those of all ranks: at the end of a pass, once, all
  /// together. So reading afterwards sends nothing, whoever reads.
  void share(const AcrossRanks& across_ranks);
  /// This step's values (`on_step`) or the epoch's, under their final names.
  MetricSets metrics(bool on_step);
  /// What loggers get of that, at the end of `row`: without a copy of a name, for every step. Names live until the next `log`.
  void append_logged(bool on_step, std::vector<Metric>& row);
  /// Forgets all values, and resets the Metrics; with a hook only that hook's numbers (of single-loader keys, as in Lightning).
  void reset();
  void reset(Hook hook);
  bool empty() const { return metrics_.empty(); }
  /// A new batch begins.
  void begin_batch() { ++batch_; }
  /// All slots with their running reductions, for an exact resume.
  Value state_dict() const;
  void load_state_dict(const Value& state);
  /// The same without what the batch at hand has logged: whoever resumes repeats it.
  Value state_before_batch() const;
  /// After `load_state_dict`: the Metrics that were logged, by their names in the module. One that is not found is forgotten.
  void attach_metrics(const std::function<std::shared_ptr<metrics::Metric>(std::string_view attribute)>& find);
  /// The values of the batch at hand, which failed, give way to those of the batch before.
  void roll_back_batch();
  std::int64_t dataloader_idx = -1;

 private:
  ResultMetric& slot(Hook hook, std::string_view name, const LogMeta& meta, std::string_view metric_attribute);
  template <class F>
  void for_each(bool on_step, F&& visit);
  bool training_;
  std::vector<ResultMetric> metrics_;
  std::int64_t batch_ = 0;
  std::size_t next_ = 0;  // where the next call's slot is expected
};

}  // namespace levin
