#pragma once
#include <string_view>

namespace levin {

/// One logged number. `name` lives as long as the call; `integer` asks for `3` rather than `3.0` in text formats.
struct Metric {
  std::string_view name;
  double value = 0;
  bool integer = false;
};

}  // namespace levin
