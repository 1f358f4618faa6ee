#include "levin/framework/optim/strong_wolfe.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace levin::optim {
namespace {

constexpr double sufficient_decrease = 1e-4, curvature = 0.9;

// Where the cubic through two points with their slopes is lowest, within bounds (the points' own if there are none).
TorchNumber cubic_minimum(const LinePoint& a, const LinePoint& b, std::optional<std::pair<TorchNumber, TorchNumber>> bounds = {}) {
  if (!bounds) bounds = a.step <= b.step ? std::pair(a.step, b.step) : std::pair(b.step, a.step);
  const auto& [low, high] = *bounds;
  const TorchNumber d1 = a.slope + b.slope - TorchNumber(3) * (a.value - b.value) / (a.step - b.step);
  const TorchNumber square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2.0;
  const TorchNumber d2 = square.sqrt();
  const LinePoint &left = a.step <= b.step ? a : b, &right = a.step <= b.step ? b : a;
  const TorchNumber lowest =
      right.step - (right.step - left.step) * ((right.slope + d2 - d1) / (right.slope - left.slope + TorchNumber(2) * d2));
  // In Python's order: min(max(lowest, low), high).
  const TorchNumber raised = low > lowest ? low : lowest;
  return high < raised ? high : raised;
}

}  // namespace

LinePoint strong_wolfe(const std::function<LinePoint(TorchNumber step)>& evaluate, const LinePoint& start, TorchNumber first,
                       TorchNumber direction_norm, double tolerance_change, std::int64_t max_evaluations, std::int64_t& evaluations) {
  const auto too_high = [&](const LinePoint& p) { return p.value > start.value + TorchNumber(sufficient_decrease) * p.step * start.slope; };
  const auto flat_enough = [&](const LinePoint& p) { return p.slope.abs() <= TorchNumber(-curvature) * start.slope; };
  LinePoint point = evaluate(first), previous = start;
  evaluations = 1;

  // Go on until two points have one between them that satisfies the conditions.
  LinePoint bracket[2];
  std::int64_t iteration = 0;
  bool bracketed = false;
  for (; iteration < max_evaluations; ++iteration) {
    if (!too_high(point) && !(iteration > 1 && point.value >= previous.value)) {
      if (flat_enough(point)) return point;
      if (!(point.slope >= 0)) {
        const TorchNumber low = point.step + TorchNumber(0.01) * (point.step - previous.step), high = point.step * 10;
        const TorchNumber next = cubic_minimum(previous, point, std::pair(low, high));
        previous = std::exchange(point, evaluate(next));
        ++evaluations;
        continue;
      }
    }
    bracket[0] = previous;
    bracket[1] = point;
    bracketed = true;
    break;
  }
  if (!bracketed) {
    bracket[0] = start;
    bracket[1] = point;
  }

  // Narrow the bracket.
  bool little_progress = false;
  std::size_t low = bracket[0].value <= bracket[1].value ? 0 : 1;
  while (iteration < max_evaluations) {
    if ((bracket[1].step - bracket[0].step).abs() * direction_norm < tolerance_change) break;
    TorchNumber next = cubic_minimum(bracket[0], bracket[1]);
    // A trial point too near the bracket's end is moved away from it, the second time in a row or if it is outside.
    const bool ordered = !(bracket[1].step < bracket[0].step);
    const TorchNumber most = bracket[1].step > bracket[0].step ? bracket[1].step : bracket[0].step;
    const TorchNumber least = ordered ? bracket[0].step : bracket[1].step;
    const TorchNumber margin = TorchNumber(0.1) * (most - least);
    const TorchNumber to_most = most - next, to_least = next - least;
    if ((to_least < to_most ? to_least : to_most) < margin) {
      if (little_progress || next >= most || next <= least) {
        next = (next - most).abs() < (next - least).abs() ? most - margin : least + margin;
        little_progress = false;
      } else {
        little_progress = true;
      }
    } else {
      little_progress = false;
    }
    point = evaluate(next);
    ++evaluations;
    ++iteration;

    const std::size_t high = 1 - low;
    if (too_high(point) || point.value >= bracket[low].value) {
      bracket[high] = point;
      low = bracket[0].value <= bracket[1].value ? 0 : 1;
      continue;
    }
    const bool done = flat_enough(point);
    if (!done && point.slope * (bracket[high].step - bracket[low].step) >= 0) bracket[high] = bracket[low];
    bracket[low] = point;
    if (done) break;
  }
  return bracket[low];
}

}  // namespace levin::optim
