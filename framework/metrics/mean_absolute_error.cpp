#include "levin/framework/metrics/mean_absolute_error.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/metrics/regression.h"

namespace levin::metrics {

MeanAbsoluteError::MeanAbsoluteError(Options options) : options_(options) {
  full_state_update = false;
  check_num_outputs(options_.num_outputs);
  add_state("sum_abs_error", sum_abs_error_, at::zeros({options_.num_outputs}), "sum");
  add_state("total", total_, at::zeros({}, at::kLong), "sum");
}
MeanAbsoluteError::~MeanAbsoluteError() = default;

void MeanAbsoluteError::update_state(Inputs inputs) {
  const auto& [preds, target] = take<2>(inputs, "preds, target");
  const at::Tensor difference = differences(preds, target, options_.num_outputs);
  sum_abs_error_ = sum_abs_error_ + difference.abs().sum(0);
  total_ = total_ + difference.size(0);
}

at::Tensor MeanAbsoluteError::compute_value() { return sum_abs_error_ / total_; }

}  // namespace levin::metrics
