#pragma once
#include <cstdint>
#include <string>

#include "levin/framework/base/metric.h"
#include "levin/framework/base/python_format.h"

namespace levin {

/// The metric's number as Python prints it, behind `out`.
inline void append_text(std::string& out, const Metric& metric) {
  if (metric.integer) out += std::to_string(static_cast<std::int64_t>(metric.value));
  else append_python_repr(out, metric.value);
}

}  // namespace levin
