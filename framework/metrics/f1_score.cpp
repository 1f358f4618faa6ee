#include "levin/framework/metrics/f1_score.h"

#include <ATen/TensorOperators.h>

namespace levin::metrics {

F1Score::~F1Score() = default;

at::Tensor F1Score::score(const Counts& c) const {
  return safe_divide(2 * c.tp, 2 * c.tp + c.fn + c.fp, options().zero_division);
}

}  // namespace levin::metrics
