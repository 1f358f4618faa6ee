#pragma once
#include "levin/framework/metrics/stat_scores.h"

namespace levin::metrics {

/// The share of positive predictions that are right, as `torchmetrics.Precision`.
class LEVIN_API Precision final : public StatScores {
 public:
  explicit Precision(Options options) : StatScores("Precision", std::move(options)) {}
  ~Precision() override;

 protected:
  at::Tensor score(const Counts& counts) const override;
};

/// The share of positive targets that are found, as `torchmetrics.Recall`.
class LEVIN_API Recall final : public StatScores {
 public:
  explicit Recall(Options options) : StatScores("Recall", std::move(options)) {}
  ~Recall() override;

 protected:
  at::Tensor score(const Counts& counts) const override;
};

}  // namespace levin::metrics
