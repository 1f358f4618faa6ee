#include "levin/framework/metrics/aggregation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin::metrics {

constexpr double infinity = std::numeric_limits<double>::infinity();

BaseAggregator::BaseAggregator(const Options& options) {
  full_state_update = false;
  if (const auto* number = std::get_if<double>(&options.nan_strategy)) {
    replacement_ = *number;
    return;
  }
  const std::string& given = std::get<std::string>(options.nan_strategy);
  constexpr std::pair<std::string_view, NanStrategy> names[] = {
      {"error", NanStrategy::error}, {"warn", NanStrategy::warn}, {"ignore", NanStrategy::ignore}, {"disable", NanStrategy::disable}};
  for (const auto& [name, strategy] : names)
    if (name == given) strategy_ = strategy;
  if (strategy_ == NanStrategy::replace) {
    throw ValueError("Arg `nan_strategy` should either be a float or one of ('error', 'warn', 'ignore', 'disable') but got " + given + ".");
  }
}
BaseAggregator::~BaseAggregator() = default;

void BaseAggregator::found_nans() const {
  if (strategy_ == NanStrategy::error) throw RuntimeError("Encountered `nan` values in tensor");
  if (strategy_ == NanStrategy::warn) rank_zero_warn("Encountered `nan` values in tensor. Will be removed.");
}

void BaseAggregator::report_nans() {
  if (computes_batch() || !nans_on_device_.defined()) return;
  if (std::exchange(nans_on_device_, {}).item<bool>()) found_nans();
}

BaseAggregator::Checked BaseAggregator::cast_and_nan_check_input(const at::Tensor& value, const at::Tensor& weight) {
  at::Tensor x = value.to(device().is_cpu() ? value.device() : device()).to(at::kFloat);
  at::Tensor w = weight.defined() ? weight.to(x.device()).to(at::kFloat).broadcast_to(x.sizes()) : at::ones_like(x);
  if (strategy_ == NanStrategy::disable) return {x, w};
  const at::Tensor nans = at::logical_or(at::isnan(x), at::isnan(w));
  if (strategy_ == NanStrategy::replace) return {x.masked_fill(nans, replacement_), w.masked_fill(nans, 1)};
  if (x.is_cpu()) {
    if (!nans.any().item<bool>()) return {x, w};
    found_nans();
    const at::Tensor good = nans.logical_not();
    return {x.masked_select(good), w.masked_select(good)};
  }
  if (strategy_ != NanStrategy::ignore) nans_on_device_ = nans_on_device_.defined() ? at::logical_or(nans_on_device_, nans.any()) : nans.any();
  return {x.masked_fill(nans, 0), w.masked_fill(nans, 0)};
}

MeanMetric::MeanMetric(const Options& options) : BaseAggregator(options) {
  add_state("mean_value", mean_value_, at::zeros({}), "sum");
  add_state("weight", weight_, at::zeros({}), "sum");
}
MeanMetric::~MeanMetric() = default;

void MeanMetric::update_state(Inputs inputs) {
  check_count(inputs, 1, 2, "value, weight");
  const auto [value, weight] = cast_and_nan_check_input(inputs[0], inputs.size() > 1 ? inputs[1] : at::Tensor());
  if (value.numel() == 0) return;
  mean_value_ = mean_value_ + (value * weight).sum();
  weight_ = weight_ + weight.sum();
}

at::Tensor MeanMetric::compute_value() {
  report_nans();
  return mean_value_ / weight_;
}

SumMetric::SumMetric(const Options& options) : BaseAggregator(options) { add_state("sum_value", sum_value_, at::zeros({}), "sum"); }
SumMetric::~SumMetric() = default;

void SumMetric::update_state(Inputs inputs) {
  const auto& [given] = take<1>(inputs, "value");
  const at::Tensor value = cast_and_nan_check_input(given).value;
  if (value.numel() > 0) sum_value_ = sum_value_ + value.sum();
}

at::Tensor SumMetric::compute_value() {
  report_nans();
  return sum_value_;
}

MinMetric::MinMetric(const Options& options) : BaseAggregator(options) {
  add_state("min_value", min_value_, at::scalar_tensor(infinity), "min");
}
MinMetric::~MinMetric() = default;

void MinMetric::update_state(Inputs inputs) {
  const auto& [given] = take<1>(inputs, "value");
  const auto [value, weight] = cast_and_nan_check_input(given);
  if (value.numel() > 0) min_value_ = at::minimum(min_value_, value.masked_fill(weight == 0, infinity).min());
}

at::Tensor MinMetric::compute_value() {
  report_nans();
  return min_value_;
}

MaxMetric::MaxMetric(const Options& options) : BaseAggregator(options) {
  add_state("max_value", max_value_, at::scalar_tensor(-infinity), "max");
}
MaxMetric::~MaxMetric() = default;

void MaxMetric::update_state(Inputs inputs) {
  const auto& [given] = take<1>(inputs, "value");
  const auto [value, weight] = cast_and_nan_check_input(given);
  if (value.numel() > 0) max_value_ = at::maximum(max_value_, value.masked_fill(weight == 0, -infinity).max());
}

at::Tensor MaxMetric::compute_value() {
  report_nans();
  return max_value_;
}

CatMetric::CatMetric(const Options& options) : BaseAggregator(options) { add_state("value", value_, "cat"); }
CatMetric::~CatMetric() = default;

void CatMetric::update_state(Inputs inputs) {
  const auto& [given] = take<1>(inputs, "value");
  const auto [value, weight] = cast_and_nan_check_input(given);
  if (value.numel() > 0) value_.push_back(value.is_cpu() ? value : value.masked_select(weight != 0));
}

at::Tensor CatMetric::compute_value() {
  report_nans();
  return value_.empty() ? at::empty({0}, at::TensorOptions().device(device())) : dim_zero_cat(value_);
}

}  // namespace levin::metrics
