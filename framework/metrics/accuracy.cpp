#include "levin/framework/metrics/accuracy.h"

#include <ATen/TensorOperators.h>

namespace levin::metrics {

Accuracy::~Accuracy() = default;

at::Tensor Accuracy::score(const Counts& c) const {
  if (task() == Task::multiclass) return safe_divide(c.tp, c.tp + c.fn);
  return safe_divide(c.tp + c.tn, c.tp + c.tn + c.fp + c.fn);
}

}  // namespace levin::metrics
