#pragma once
#include <ATen/ops/empty.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "levin/framework/base/value.h"

/// What tests/conformance/record_optim.py wrote, and the parameters and gradients it used.
namespace recorded {

using Json = nlohmann::ordered_json;

inline Json load(const std::string& name) {
  std::ifstream file(std::string(LEVIN_SOURCE_DIR) + "/tests/data/optim/" + name);
  return Json::parse(file);
}

inline levin::Value to_value(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  levin::Value out = json.is_object() ? levin::Value::dict() : json.is_array() ? levin::Value::list() : levin::Value();
  if (json.is_array())
    for (const Json& item : json) out.push_back(to_value(item));
  if (json.is_object())
    for (const auto& [key, item] : json.items()) out[key] = to_value(item);
  return out;
}

/// The formula of `make_params`.
inline std::vector<at::Tensor> make_params(at::ScalarType type, bool matrices = false) {
  std::vector<at::Tensor> out;
  for (const std::vector<std::int64_t>& size : {std::vector<std::int64_t>{3, 4}, matrices ? std::vector<std::int64_t>{6, 2} : std::vector<std::int64_t>{5}}) {
    at::Tensor values = at::empty(size, at::kDouble);
    for (std::int64_t k = 0; k < values.numel(); ++k)
      values.data_ptr<double>()[k] = std::cos(0.7 * static_cast<double>(k) + static_cast<double>(out.size()));
    out.push_back(values.to(type).requires_grad_());
  }
  return out;
}

/// The formula of `set_gradients`.
inline void set_gradients(const std::vector<at::Tensor>& params, int step) {
  for (std::size_t index = 0; index < params.size(); ++index) {
    params[index].mutable_grad().reset();
    if (index == 1 && step < 10) continue;
    at::Tensor gradient = params[index].detach().to(at::kDouble).mul(0.5);
    for (std::int64_t k = 0; k < gradient.numel(); ++k)
      gradient.data_ptr<double>()[k] += std::sin(0.3 * step + static_cast<double>(k));
    params[index].mutable_grad() = gradient.to(params[index].scalar_type());
  }
}

}  // namespace recorded
