#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/results/metric_value.h"

namespace levin {

/// Metrics by name, in the order they first came: `callback_metrics`, `logged_metrics`, `progress_bar_metrics`.
class LEVIN_API MetricMap {
 public:
  using Entry = std::pair<std::string, MetricValue>;

  /// Sets a metric; one that is there keeps its place.
  void set(std::string_view name, const MetricValue& value);
  const MetricValue* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The number under this name; KeyError names the metrics there are.
  double at(std::string_view name) const;
  bool erase(std::string_view name);
  void update(const MetricMap& other);
  Value state_dict() const;
  void load_state_dict(const Value& state);
  void clear() { entries_.clear(); }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace levin
