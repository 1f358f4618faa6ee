#pragma once
#include <ATen/core/Tensor.h>

#include <cmath>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// One logged value, kept where it was computed: a plain number when it came from the CPU, a 0-dim tensor when it lives on a
/// device. Reading a device value with `item()` waits for the device; nothing else does.
///
/// Arithmetic is done in float32 unless a float64 tensor came in, as Lightning's result metrics do.
class LEVIN_API MetricValue {
 public:
  MetricValue() = default;
  /// A number, rounded to float32 unless `is_double`.
  explicit MetricValue(double number, bool is_double = false) : number_(rounded(number, is_double)), is_double_(is_double) {}
  /// A tensor of one element, detached: read at once on the CPU, else kept on its device (a copy, not the caller's tensor).
  static MetricValue of(const at::Tensor& tensor);

  double item() const { return on_device() ? read() : number_; }
  /// A float, or a tuple of one float for float64; and back.
  Value to_value() const;
  static MetricValue from_value(const Value& value);
  bool is_double() const { return is_double_; }
  bool on_device() const { return tensor_.defined(); }

  /// The running reductions: `value * weight` added, plain sum, minimum and maximum (NaN wins, as in torch).
  void add(const MetricValue& value, double weight = 1.0);
  void take_min(const MetricValue& value);
  void take_max(const MetricValue& value);
  MetricValue divided_by(double n) const;

 private:
  double read() const;  // from the device
  static double rounded(double v, bool is_double) { return is_double ? v : static_cast<double>(static_cast<float>(v)); }
  double number_ = 0.0;
  bool is_double_ = false;
  at::Tensor tensor_;
};

}  // namespace levin
