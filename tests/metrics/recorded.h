#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "levin/framework/base/json.h"
#include "levin/framework/base/value.h"
#include "levin/framework/metrics/metric.h"

/// What tests/conformance/record_metrics.py wrote, and the formulas of its inputs.
namespace recorded_metrics {

inline levin::Value load(const std::string& name) { return levin::read_json_file(std::string(LEVIN_SOURCE_DIR) + "/tests/data/metrics/" + name); }

inline std::vector<std::int64_t> shape_of(const levin::Value& spec) {
  std::vector<std::int64_t> out;
  for (const levin::Value& size : spec.at("shape").items()) out.push_back(size.as_int());
  return out;
}

/// `wave`: Python rounds half to even, as nearbyint does.
inline at::Tensor wave(const std::vector<std::int64_t>& shape, std::int64_t batch, double scale) {
  at::Tensor out = at::empty(shape, at::kDouble);
  for (std::int64_t k = 0; k < out.numel(); ++k)
    out.data_ptr<double>()[k] = std::nearbyint(10 * std::sin(1.7 * static_cast<double>(k) + 0.9 * static_cast<double>(batch) + 0.3)) / 10 * scale;
  return out;
}

inline at::Tensor integers(const std::vector<std::int64_t>& shape, std::int64_t batch, std::int64_t low, std::int64_t high) {
  at::Tensor out = at::empty(shape, at::kLong);
  for (std::int64_t k = 0; k < out.numel(); ++k) out.data_ptr<std::int64_t>()[k] = low + (11 * k + k * k / 3 + 5 * batch) % (high - low);
  return out;
}

inline at::Tensor tensor(const levin::Value& spec, std::int64_t batch) {
  const std::string& kind = spec.at("kind").as_string();
  const auto shape = shape_of(spec);
  const auto option = [&](const char* key, std::int64_t otherwise) { return spec.contains(key) ? spec.at(key).as_int() : otherwise; };
  if (kind == "integers") {
    at::Tensor out = integers(shape, batch, option("low", 0), option("high", 0));
    if (const std::int64_t every = option("ignore_every", 0))
      for (std::int64_t k = 0; k < out.numel(); k += every) out.data_ptr<std::int64_t>()[k] = option("ignore", 0);
    return out;
  }
  at::Tensor out = kind == "logits" ? wave(shape, batch, 3.0) : kind == "probabilities" ? wave(shape, batch, 0.5) + 0.5 : wave(shape, batch, 1.0);
  if (spec.contains("nan_at"))
    for (const levin::Value& at : spec.at("nan_at").items()) out.data_ptr<double>()[at.as_int()] = std::nan("");
  return spec.contains("dtype") ? out : out.to(at::kFloat);
}

inline std::vector<at::Tensor> inputs(const levin::Value& specs, std::int64_t batch) {
  std::vector<at::Tensor> out;
  for (const levin::Value& spec : specs.items()) out.push_back(tensor(spec, batch));
  return out;
}

/// A recorded number; NaN and infinities are strings.
inline double number(const levin::Value& value) {
  if (!value.is_string()) return value.as_double();
  if (value.as_string() == "nan") return std::nan("");
  return (value.as_string() == "inf" ? 1 : -1) * std::numeric_limits<double>::infinity();
}

}  // namespace recorded_metrics
