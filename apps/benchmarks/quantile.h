#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

namespace levin::bench {

/// The value below which `share` (0 to 1) of the values are; between two values where it falls there.
inline double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}
inline double median(const std::vector<double>& values) { return quantile(values, 0.5); }

}  // namespace levin::bench
