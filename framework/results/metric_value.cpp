#include "levin/framework/results/metric_value.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

namespace levin {
namespace {

// The tensor form of a value, for mixing with one that is on a device.
at::Tensor as_tensor(const MetricValue& value, const at::Tensor& like) {
  return at::scalar_tensor(value.item(), like.options().dtype(value.is_double() ? at::kDouble : at::kFloat));
}

}  // namespace

MetricValue MetricValue::of(const at::Tensor& tensor) {
  MetricValue out;
  out.is_double_ = tensor.scalar_type() == at::kDouble;
  if (tensor.is_cpu()) {
    switch (tensor.scalar_type()) {
      case at::kFloat: out.number_ = *tensor.const_data_ptr<float>(); break;
      case at::kDouble: out.number_ = *tensor.const_data_ptr<double>(); break;
      default: out.number_ = rounded(tensor.item<double>(), false);
    }
    return out;
  }
  const c10::AutoGradMode no_grad(false);
  out.tensor_ = tensor.detach().reshape({}).to(out.is_double_ ? at::kDouble : at::kFloat, /*non_blocking=*/true, /*copy=*/true);
  return out;
}

double MetricValue::read() const { return tensor_.item<double>(); }

void MetricValue::add(const MetricValue& value, double weight) {
  if (value.on_device() || on_device()) {
    const c10::AutoGradMode no_grad(false);
    const at::Tensor other = value.on_device() ? value.tensor_ : as_tensor(value, tensor_);
    if (!on_device()) tensor_ = as_tensor(*this, other);
    is_double_ = is_double_ || value.is_double_;
    if (is_double_) tensor_ = tensor_.to(at::kDouble);
    tensor_ = at::add(tensor_, other, weight);  // not in place: copies, such as the value before a batch, share the tensor
    return;
  }
  const double term = rounded(value.number_ * weight, value.is_double_);
  is_double_ = is_double_ || value.is_double_;
  number_ = rounded(number_ + term, is_double_);
}

void MetricValue::take_min(const MetricValue& value) {
  if (value.on_device() || on_device()) {
    const at::Tensor other = value.on_device() ? value.tensor_ : as_tensor(value, tensor_);
    tensor_ = at::minimum(on_device() ? tensor_ : as_tensor(*this, other), other);
    return;
  }
  is_double_ = is_double_ || value.is_double_;
  if (std::isnan(value.number_) || value.number_ < number_) number_ = value.number_;
}

void MetricValue::take_max(const MetricValue& value) {
  if (value.on_device() || on_device()) {
    const at::Tensor other = value.on_device() ? value.tensor_ : as_tensor(value, tensor_);
    tensor_ = at::maximum(on_device() ? tensor_ : as_tensor(*this, other), other);
    return;
  }
  is_double_ = is_double_ || value.is_double_;
  if (std::isnan(value.number_) || value.number_ > number_) number_ = value.number_;
}

MetricValue MetricValue::divided_by(double n) const {
  MetricValue out = *this;
  if (on_device()) out.tensor_ = at::div(tensor_, n);
  else out.number_ = rounded(number_ / n, is_double_);
  return out;
}

}  // namespace levin
