#pragma once
#include <ATen/core/Tensor.h>

#include <cmath>

namespace levin::optim {

/// A number of Python's torch code that may be a Python float or a 0-dim tensor, with the rounding that each has there: what is computed
/// with a tensor is of the tensor's type. So line searches take torch's decisions to the bit, without an operator per number.
class TorchNumber {
 public:
  TorchNumber(double value = 0) : value_(value) {}
  TorchNumber(double value, at::ScalarType type) : value_(rounded(value, type)), type_(type), tensor_(true) {}
  /// Waits for the tensor's device.
  static TorchNumber of(const at::Tensor& scalar) { return {scalar.item().toDouble(), scalar.scalar_type()}; }

  double value() const { return value_; }
  bool is_tensor() const { return tensor_; }
  at::ScalarType type() const { return type_; }
  bool operator==(const TorchNumber&) const = default;

  friend TorchNumber operator+(const TorchNumber& a, const TorchNumber& b) { return with(a, b, [](double x, double y) { return x + y; }); }
  friend TorchNumber operator-(const TorchNumber& a, const TorchNumber& b) { return with(a, b, [](double x, double y) { return x - y; }); }
  friend TorchNumber operator*(const TorchNumber& a, const TorchNumber& b) { return with(a, b, [](double x, double y) { return x * y; }); }
  friend TorchNumber operator/(const TorchNumber& a, const TorchNumber& b) { return with(a, b, [](double x, double y) { return x / y; }); }
  TorchNumber operator-() const { return unary(-value_); }
  TorchNumber sqrt() const { return unary(std::sqrt(value_)); }
  TorchNumber abs() const { return unary(std::abs(value_)); }

  friend bool operator<(const TorchNumber& a, const TorchNumber& b) { return a.as(b) < b.as(a); }
  friend bool operator>(const TorchNumber& a, const TorchNumber& b) { return b < a; }
  friend bool operator<=(const TorchNumber& a, const TorchNumber& b) { return a.as(b) <= b.as(a); }
  friend bool operator>=(const TorchNumber& a, const TorchNumber& b) { return b <= a; }

 private:
  static double rounded(double value, at::ScalarType type) {
    switch (type) {
      case at::kFloat: return static_cast<float>(value);
      case at::kHalf: return static_cast<float>(at::Half(static_cast<float>(value)));
      case at::kBFloat16: return static_cast<float>(at::BFloat16(static_cast<float>(value)));
      default: return value;
    }
  }
  double as(const TorchNumber& other) const { return other.tensor_ ? rounded(value_, other.type_) : value_; }
  TorchNumber unary(double value) const { return tensor_ ? TorchNumber(value, type_) : TorchNumber(value); }
  template <class F>
  static TorchNumber with(const TorchNumber& a, const TorchNumber& b, F f) {
    const double value = f(a.as(b), b.as(a));
    return a.tensor_ ? TorchNumber(value, a.type_) : b.tensor_ ? TorchNumber(value, b.type_) : TorchNumber(value);
  }

  double value_;
  at::ScalarType type_ = at::kDouble;
  bool tensor_ = false;
};

}  // namespace levin::optim
