#include "levin/framework/metrics/r2_score.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/classification.h"

namespace levin::metrics {

R2Score::R2Score(Options options) : options_(std::move(options)) {
  full_state_update = false;
  if (options_.adjusted < 0) throw ValueError("`adjusted` parameter should be an integer larger or equal to 0.");
  const std::string& how = options_.multioutput;
  if (how != "raw_values" && how != "uniform_average" && how != "variance_weighted") {
    throw ValueError("Invalid input to argument `multioutput`. Choose one of the following: ('raw_values', 'uniform_average', 'variance_weighted')");
  }
  add_state("sum_squared_error", sum_squared_error_, at::zeros({}), "sum");
  add_state("sum_error", sum_error_, at::zeros({}), "sum");
  add_state("residual", residual_, at::zeros({}), "sum");
  add_state("total", total_, at::zeros({}, at::kLong), "sum");
}
R2Score::~R2Score() = default;

void R2Score::update_state(Inputs inputs) {
  const auto& [preds, target] = take<2>(inputs, "preds, target");
  check_same_shape(preds, target);
  if (preds.dim() > 2) {
    throw ValueError("Expected both prediction and target to be 1D or 2D tensors, but received tensors with dimension " + size_text(preds.sizes()));
  }
  const at::Tensor difference = target - preds;
  sum_squared_error_ = sum_squared_error_ + (target * target).sum(0);
  sum_error_ = sum_error_ + target.sum(0);
  residual_ = residual_ + (difference * difference).sum(0);
  total_ = total_ + target.size(0);
}

// As in torchmetrics: without variance a perfect prediction scores 1, any other 0. NaN is not near 0, so its score is NaN.
at::Tensor R2Score::scores(const at::Tensor& variance) const {
  const auto is_not_0 = [](const at::Tensor& sum) { return (sum.abs() <= 1e-4).logical_not(); };
  const at::Tensor wrong = is_not_0(residual_), varies = is_not_0(variance);
  const at::Tensor plain = 1 - residual_ / variance;
  return at::where(at::logical_and(wrong, varies), plain, at::ones_like(plain)).masked_fill(at::logical_and(wrong, varies.logical_not()), 0);
}

at::Tensor R2Score::compute_value() {
  const auto n = total_.item<std::int64_t>();
  if (n < 2) throw ValueError("Needs at least two samples to calculate r2 score.");
  const at::Tensor variance = sum_squared_error_ - sum_error_ * (sum_error_ / total_);
  const at::Tensor raw = scores(variance);
  const at::Tensor r2 = options_.multioutput == "raw_values"        ? raw
                        : options_.multioutput == "uniform_average" ? raw.mean()
                                                                    : (variance / variance.sum() * raw).sum();
  if (options_.adjusted == 0) return r2;
  if (options_.adjusted > n - 1)
    rank_zero_warn("More independent regressions than data points in adjusted r2 score. Falls back to standard r2 score.");
  else if (options_.adjusted == n - 1)
    rank_zero_warn("Division by zero in adjusted r2 score. Falls back to standard r2 score.");
  else
    return 1 - (1 - r2) * (n - 1) / (n - options_.adjusted - 1);
  return r2;
}

}  // namespace levin::metrics
