#include "levin/framework/results/result_collection.h"

#include <algorithm>
#include <limits>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/metric.h"

namespace levin {
namespace {

MetricValue single(const at::Tensor& value, const ResultMetric& of) {
  if (value.numel() == 1) return MetricValue::of(value);
  throw ValueError("The metric `" + of.name + "` (a tensor of " + std::to_string(value.numel()) +
                   " elements) does not contain a single element, thus it cannot be converted to a scalar.");
}

}  // namespace

Reduction reduction_of(std::string_view reduce_fx) {
  const auto is = [&](std::string_view name) {
    return std::equal(reduce_fx.begin(), reduce_fx.end(), name.begin(), name.end(), [](char given, char lower) { return (given | 0x20) == lower; });
  };
  if (is("mean") || is("avg")) return Reduction::mean;
  if (is("sum")) return Reduction::sum;
  if (is("min")) return Reduction::min;
  if (is("max")) return Reduction::max;
  throw MisconfigurationException(
      "Only `self.log(..., reduce_fx={min,max,mean,sum})` are supported. If you need a custom reduction, please log a "
      "`torchmetrics.Metric` instance instead. Found: " + std::string(reduce_fx));
}

void ResultMetric::update(const MetricValue& given, const MetricValue& of_step, std::int64_t batch_size, std::int64_t batch_number) {
  begin_batch(batch_number);
  is_reset = false;
  if (meta.on_step) {
    last = of_step;
    has_last = true;
    if (!meta.on_epoch) return;
  }
  switch (meta.reduction) {
    case Reduction::mean:
      value.add(given, static_cast<double>(batch_size));
      weight += batch_size;
      break;
    case Reduction::sum: value.add(given); break;
    case Reduction::min: value.take_min(given); break;
    case Reduction::max: value.take_max(given); break;
  }
}

void ResultMetric::update(const std::shared_ptr<metrics::Metric>& given, std::int64_t batch_number) {
  begin_batch(batch_number);
  is_reset = false;
  is_metric = true;
  metric = given;
  kept.reset();
  if (!meta.on_step) return;
  has_last = metric->forward_cache().defined();
  if (has_last) last = single(metric->forward_cache(), *this);
}

void ResultMetric::begin_batch(std::int64_t batch_number) {
  if (batch == batch_number) return;
  before = last;
  had_before = has_last;
  value_before = value;
  weight_before = weight;
  was_reset = is_reset;
  batch = batch_number;
}

void ResultMetric::roll_back() {
  if (has_last) {
    last = before;
    has_last = had_before;
  }
  if (is_metric) return;
  value = value_before;
  weight = weight_before;
  is_reset = was_reset;
}

std::optional<MetricValue> ResultMetric::computed() {
  if (!is_metric) return meta.reduction == Reduction::mean ? value.divided_by(static_cast<double>(weight)) : value;
  if (kept) return kept;
  const at::Tensor result = metric->compute();
  if (result.defined()) kept = single(result, *this);
  return kept;
}

void ResultMetric::reset() {
  if (metric) metric->reset();
  kept.reset();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  value = MetricValue(meta.reduction == Reduction::min ? infinity : meta.reduction == Reduction::max ? -infinity : 0.0);
  weight = 0;
  shared = false;
  has_last = false;
  is_reset = true;
}

ResultMetric& ResultCollection::slot(Hook hook, std::string_view name, const LogMeta& meta,
                                     std::string_view metric_attribute) {
  const std::int64_t key_idx = meta.add_dataloader_idx ? meta.dataloader_idx : -1;
  const auto matches = [&](const ResultMetric& m) {
    return m.hook == hook && m.key_dataloader_idx == key_idx && m.name == name;
  };
  if (next_ >= metrics_.size() || !matches(metrics_[next_])) {
    next_ = 0;
    while (next_ < metrics_.size() && !matches(metrics_[next_])) ++next_;
    if (next_ == metrics_.size()) {
      metrics_.push_back({hook, std::string(name), key_idx, meta});
      metrics_.back().metric_attribute = metric_attribute;
      metrics_.back().reset();
    }
  }
  ResultMetric& found = metrics_[next_++];
  if (!(found.meta == meta) || found.metric_attribute != metric_attribute) {
    throw MisconfigurationException("You called `self.log(" + std::string(name) + ", ...)` twice in `" + hook_name(hook) +
                                    "` with different arguments. This is not allowed");
  }
  return found;
}

void ResultCollection::log(Hook hook, std::string_view name, const MetricValue& value, const MetricValue& of_step, const LogMeta& meta,
                           std::string_view metric_attribute, std::int64_t batch_size, bool shared) {
  ResultMetric& found = slot(hook, name, meta, metric_attribute);
  found.update(value, of_step, batch_size, batch_);
  found.shared = shared;
}

void ResultCollection::log(Hook hook, std::string_view name, const std::shared_ptr<metrics::Metric>& metric, const LogMeta& meta,
                           std::string_view metric_attribute) {
  slot(hook, name, meta, metric_attribute).update(metric, batch_);
}

std::string ResultMetric::loader_suffix() const {
  return meta.add_dataloader_idx && meta.dataloader_idx >= 0 ? "/dataloader_idx_" + std::to_string(meta.dataloader_idx) : "";
}

const std::string& ResultMetric::reader_name(bool on_step) const {
  std::string& kept_name = on_step ? step_name : epoch_name;
  const bool forked = meta.on_step && meta.on_epoch;
  if (kept_name.empty()) kept_name = name + (forked ? (on_step ? "_step" : "_epoch") : "") + loader_suffix();
  return kept_name;
}

// Calls with each metric that has a value for readers now, and the value.
template <class F>
void ResultCollection::for_each(bool on_step, F&& visit) {
  for (ResultMetric& m : metrics_) {
    if (m.is_reset || m.meta.dataloader_idx != dataloader_idx) continue;
    if (on_step) {
      if (m.meta.on_step && m.has_last) visit(m, m.last);
    } else if (m.meta.on_epoch) {
      if (const std::optional<MetricValue> value = m.computed()) visit(m, *value);
    }
  }
}

MetricSets ResultCollection::metrics(bool on_step) {
  MetricSets out;
  for_each(on_step, [&](const ResultMetric& m, const MetricValue& value) {
    const std::string& name = m.reader_name(on_step);
    if (m.meta.logger) out.logged.set(name, value);
    // As in Lightning: in evaluation callbacks see epoch values only.
    if (training_ || (m.meta.on_epoch && !on_step)) {
      out.callback.set(m.name + m.loader_suffix(), value);
      out.callback.set(name, value);
    }
    if (m.meta.prog_bar) out.progress_bar.set(name, value);
  });
  return out;
}

void ResultCollection::append_logged(bool on_step, std::vector<Metric>& row) {
  for_each(on_step, [&](const ResultMetric& m, const MetricValue& value) {
    if (!m.meta.logger) return;
    const std::string_view name = m.reader_name(on_step);
    // Logged in two hooks: as in the maps, the place of the first and the value of the last.
    const auto same = std::find_if(row.begin(), row.end(), [&](const Metric& other) { return other.name == name; });
    if (same == row.end()) row.push_back({name, value.item()});
    else same->value = value.item();
  });
}

namespace {

// Ranks that logged other keys would add up what does not belong together.
void check_same_keys(const std::vector<ResultMetric*>& metrics, const AcrossRanks& across_ranks) {
  double mark = 0;
  std::string names;
  for (const ResultMetric* m : metrics) {
    mark += static_cast<double>(std::hash<std::string>()(m->name) % 1000003) * static_cast<double>(1 + static_cast<int>(m->hook));
    names += " " + m->name;
  }
  const auto count = static_cast<double>(metrics.size());
  std::vector<double> highest{mark, -mark, count, -count};
  across_ranks(highest, Reduction::max);
  if (highest[0] == -highest[1] && highest[2] == -highest[3]) return;
  throw RuntimeError("With `self.log(..., sync_dist=True)` all ranks must log the same names; this one has logged:" + (names.empty() ? " nothing" : names));
}

}  // namespace

void ResultCollection::share(const AcrossRanks& across_ranks) {
  std::vector<ResultMetric*> due;
  for (ResultMetric& m : metrics_) {
    if (m.is_reset || m.shared || !m.meta.on_epoch || m.meta.dataloader_idx != dataloader_idx) continue;
    if (m.is_metric) {
      m.computed();  // all ranks together; readers get what it keeps
      continue;
    }
    if (m.meta.is_shared()) due.push_back(&m);
    else if (!m.meta.sync_dist)
      warn_once("It is recommended to use `self.log('" + m.name + "', ..., sync_dist=True)` when logging on epoch level in distributed setting to accumulate " +
                "the metric across devices.");
  }
  check_same_keys(due, across_ranks);
  for (const Reduction reduction : {Reduction::sum, Reduction::min, Reduction::max}) {
    std::vector<double> numbers;
    const auto belongs = [&](const ResultMetric& m) { return m.meta.reduction == reduction || (reduction == Reduction::sum && m.meta.reduction == Reduction::mean); };
    for (const ResultMetric* m : due)
      if (belongs(*m)) numbers.insert(numbers.end(), {m->value.item(), static_cast<double>(m->weight)});
    if (numbers.empty()) continue;
    across_ranks(numbers, reduction);
    std::size_t next = 0;
    for (ResultMetric* m : due) {
      if (!belongs(*m)) continue;
      m->value = MetricValue(numbers[next], m->value.is_double());
      m->weight = static_cast<std::int64_t>(numbers[next + 1]);
      m->shared = true;
      next += 2;
    }
  }
}

void ResultCollection::roll_back_batch() {
  for (ResultMetric& m : metrics_)
    if (m.batch == batch_) m.roll_back();
}

Value ResultCollection::state_before_batch() const {
  ResultCollection copy = *this;
  copy.roll_back_batch();
  return copy.state_dict();
}

void ResultCollection::reset() {
  for (ResultMetric& m : metrics_) m.reset();
}

void ResultCollection::reset(Hook hook) {
  for (ResultMetric& m : metrics_)
    if (m.hook == hook && m.key_dataloader_idx < 0 && !m.is_metric) m.reset();
}

void ResultCollection::attach_metrics(const std::function<std::shared_ptr<metrics::Metric>(std::string_view)>& find) {
  std::erase_if(metrics_, [&](ResultMetric& m) {
    if (!m.is_metric) return false;
    m.metric = find(m.metric_attribute);
    if (m.metric) return false;
    rank_zero_warn("The metric that was logged as `" + m.name + "` (metric_attribute '" + m.metric_attribute +
                   "') is not registered with the module, so what it had counted is lost; `register_metric` keeps it through a resume.");
    return true;
  });
}

}  // namespace levin
