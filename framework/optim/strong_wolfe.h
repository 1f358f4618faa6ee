#pragma once
#include <cstdint>
#include <functional>

#include "levin/framework/optim/torch_number.h"

namespace levin::optim {

/// What a function has at a point along the line: its value and its gradient.
struct LinePoint {
  TorchNumber step;
  TorchNumber value;
  at::Tensor gradient;
  TorchNumber slope;  ///< along the line
};

/// The line search of torch's LBFGS: a step along `direction` that satisfies the strong Wolfe conditions, or the best one found.
///
/// `evaluate(step)` gives the function's value and a gradient of its own at that step; `start` is step 0, whose slope is below zero;
/// `first` is the step tried first. At most `max_evaluations` are made (and at least one); `evaluations` says how many.
LinePoint strong_wolfe(const std::function<LinePoint(TorchNumber step)>& evaluate, const LinePoint& start, TorchNumber first,
                       TorchNumber direction_norm, double tolerance_change, std::int64_t max_evaluations, std::int64_t& evaluations);

}  // namespace levin::optim
