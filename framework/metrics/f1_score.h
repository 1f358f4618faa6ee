#pragma once
#include "levin/framework/metrics/stat_scores.h"

namespace levin::metrics {

/// The harmonic mean of precision and recall, as `torchmetrics.F1Score`.
class LEVIN_API F1Score final : public StatScores {
 public:
  explicit F1Score(Options options) : StatScores("F1Score", std::move(options)) {}
  ~F1Score() override;

 protected:
  at::Tensor score(const Counts& counts) const override;
  bool macro_depends_on_top_k() const override { return false; }
};

}  // namespace levin::metrics
