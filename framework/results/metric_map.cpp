#include "levin/framework/results/metric_map.h"

#include <algorithm>

#include "levin/framework/base/errors.h"

namespace levin {

void MetricMap::set(std::string_view name, const MetricValue& value) {
  for (auto& [key, held] : entries_) {
    if (key != name) continue;
    held = value;
    return;
  }
  entries_.emplace_back(name, value);
}

const MetricValue* MetricMap::find(std::string_view name) const {
  for (const auto& [key, value] : entries_)
    if (key == name) return &value;
  return nullptr;
}

double MetricMap::at(std::string_view name) const {
  if (const MetricValue* value = find(name)) return value->item();
  std::string names;
  for (const auto& [key, unused] : entries_) names += (names.empty() ? "" : ", ") + key;
  throw KeyError("no metric '" + std::string(name) + "'; logged so far: " + (names.empty() ? "none" : names));
}

bool MetricMap::erase(std::string_view name) {
  return std::erase_if(entries_, [name](const Entry& entry) { return entry.first == name; }) > 0;
}

void MetricMap::update(const MetricMap& other) {
  for (const auto& [name, value] : other) set(name, value);
}

}  // namespace levin
