#pragma once
#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/metric.h"

namespace levin::metrics {

/// The argument of MeanAbsoluteError.
struct MeanAbsoluteErrorOptions {
  /// Above 1: one value per column of (N, num_outputs).
  std::int64_t num_outputs = 1;
};
template <class V>
void fields(V&& f, MeanAbsoluteErrorOptions& o) {
  f("num_outputs", o.num_outputs, "columns that get a value each");
}

/// The mean of |preds - target|, as `torchmetrics.MeanAbsoluteError`. States `sum_abs_error` and `total`.
class LEVIN_API MeanAbsoluteError final : public Metric {
 public:
  using Options = MeanAbsoluteErrorOptions;
  explicit MeanAbsoluteError(Options options = {});
  ~MeanAbsoluteError() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  Options options_;
  at::Tensor sum_abs_error_, total_;
};

}  // namespace levin::metrics
