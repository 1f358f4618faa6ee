#pragma once
#include "levin/framework/metrics/stat_scores.h"

namespace levin::metrics {

/// The share of right predictions, as `torchmetrics.Accuracy`: `levin::make<levin::metrics::Accuracy>({.task = "multiclass",
/// .num_classes = 10})`. Per class it is the share of that class's targets that were found; of binary and multilabel tasks the share
/// of all values that are right.
class LEVIN_API Accuracy final : public StatScores {
 public:
  explicit Accuracy(Options options) : StatScores("Accuracy", std::move(options)) {}
  ~Accuracy() override;

 protected:
  at::Tensor score(const Counts& counts) const override;
};

}  // namespace levin::metrics
