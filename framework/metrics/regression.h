#pragma once
#include "levin/framework/metrics/metric.h"

/// What the regression metrics share.
namespace levin::metrics {

/// ValueError unless it is positive.
void check_num_outputs(std::int64_t num_outputs);
/// preds - target; in one dimension unless there are several outputs. RuntimeError, in torchmetrics' words, for different shapes.
at::Tensor differences(const at::Tensor& preds, const at::Tensor& target, std::int64_t num_outputs);

}  // namespace levin::metrics
