#include "levin/framework/metrics/precision_recall.h"

#include <ATen/TensorOperators.h>

namespace levin::metrics {

Precision::~Precision() = default;
Recall::~Recall() = default;

at::Tensor Precision::score(const Counts& c) const { return safe_divide(c.tp, c.tp + c.fp, options().zero_division); }
at::Tensor Recall::score(const Counts& c) const { return safe_divide(c.tp, c.tp + c.fn, options().zero_division); }

}  // namespace levin::metrics
