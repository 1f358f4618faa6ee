#include "levin/framework/metrics/metric_collection.h"

#include <algorithm>

#include "levin/framework/base/errors.h"

namespace levin::metrics {

MetricCollection::MetricCollection(const Metrics& metrics, Options options) : options_(std::move(options)) {
  for (const auto& metric : metrics) metrics_.emplace_back(metric->name(), metric);
  arrange();
}

MetricCollection::MetricCollection(NamedMetrics metrics, Options options) : options_(std::move(options)), metrics_(std::move(metrics)) {
  std::stable_sort(metrics_.begin(), metrics_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  arrange();
}
MetricCollection::~MetricCollection() = default;

void MetricCollection::arrange() {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    const auto& [name, metric] = metrics_[i];
    for (std::size_t before = 0; before < i; ++before)
      if (metrics_[before].first == name) throw ValueError("Encountered two metrics both named " + name);
    renamed_.emplace_back(options_.prefix.value_or("") + name + options_.postfix.value_or(""), metric);
    const std::string key = options_.compute_groups ? metric->compute_group() : "";
    const auto same = key.empty() ? keys.end() : std::find(keys.begin(), keys.end(), key);
    if (same != keys.end()) {
      groups_[static_cast<std::size_t>(same - keys.begin())].push_back(i);
    } else {
      keys.push_back(key);
      groups_.push_back({i});
    }
  }
}

void MetricCollection::update(Metric::Inputs inputs) {
  for (const auto& group : groups_) {
    Metric& first = *metrics_[group.front()].second;
    first.update(inputs);
    for (std::size_t i = 1; i < group.size(); ++i) metrics_[group[i]].second->share_states_of(first);
  }
}

MetricCollection::Values MetricCollection::forward(Metric::Inputs inputs) {
  Values out;
  for (const auto& [name, metric] : renamed_) out.emplace_back(name, metric->forward(inputs));
  return out;
}

MetricCollection::Values MetricCollection::compute() {
  Values out;
  for (const auto& [name, metric] : renamed_) out.emplace_back(name, metric->compute());
  return out;
}

void MetricCollection::reset() {
  for (const auto& [name, metric] : metrics_) metric->reset();
}

void MetricCollection::persistent(bool mode) {
  for (const auto& [name, metric] : metrics_) metric->persistent(mode);
}

Metric& MetricCollection::operator[](std::string_view given) const {
  std::string names;
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    if (metrics_[i].first == given || renamed_[i].first == given) return *metrics_[i].second;
    names += (i ? ", '" : "'") + renamed_[i].first + "'";
  }
  throw KeyError("no metric '" + std::string(given) + "' in the collection; there are " + names);
}

std::vector<std::vector<std::string>> MetricCollection::compute_groups() const {
  std::vector<std::vector<std::string>> out;
  for (const auto& group : groups_) {
    auto& names = out.emplace_back();
    for (const std::size_t i : group) names.push_back(metrics_[i].first);
  }
  return out;
}

}  // namespace levin::metrics
