#pragma once
#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/metric.h"

namespace levin::metrics {

/// The arguments of MeanSquaredError.
struct MeanSquaredErrorOptions {
  /// False: its root.
  bool squared = true;
  /// Above 1: one value per column of (N, num_outputs).
  std::int64_t num_outputs = 1;
};
template <class V>
void fields(V&& f, MeanSquaredErrorOptions& o) {
  f("squared", o.squared, "false: the root of the mean");
  f("num_outputs", o.num_outputs, "columns that get a value each");
}

/// The mean of (preds - target)², as `torchmetrics.MeanSquaredError`. States `sum_squared_error` and `total`.
class LEVIN_API MeanSquaredError final : public Metric {
 public:
  using Options = MeanSquaredErrorOptions;
  explicit MeanSquaredError(Options options = {});
  ~MeanSquaredError() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  Options options_;
  at::Tensor sum_squared_error_, total_;
};

}  // namespace levin::metrics
