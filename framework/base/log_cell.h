#pragma once
#include <string_view>

namespace levin {

/// One number of a logged row on its way into a file: the `Metric` of a logger.
struct LogCell {
  std::string_view name;
  double value = 0;
  bool integer = false;  ///< print `3` instead of `3.0`, as for "epoch"
};

}  // namespace levin
