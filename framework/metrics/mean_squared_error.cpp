#include "levin/framework/metrics/mean_squared_error.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/metrics/regression.h"

namespace levin::metrics {

MeanSquaredError::MeanSquaredError(Options options) : options_(options) {
  full_state_update = false;
  check_num_outputs(options_.num_outputs);
  add_state("sum_squared_error", sum_squared_error_, at::zeros({options_.num_outputs}), "sum");
  add_state("total", total_, at::zeros({}, at::kLong), "sum");
}
MeanSquaredError::~MeanSquaredError() = default;

void MeanSquaredError::update_state(Inputs inputs) {
  const auto& [preds, target] = take<2>(inputs, "preds, target");
  const at::Tensor difference = differences(preds, target, options_.num_outputs);
  sum_squared_error_ = sum_squared_error_ + (difference * difference).sum(0);
  total_ = total_ + difference.size(0);
}

at::Tensor MeanSquaredError::compute_value() {
  const at::Tensor mean = sum_squared_error_ / total_;
  return options_.squared ? mean : mean.sqrt();
}

}  // namespace levin::metrics
