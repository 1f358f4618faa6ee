#pragma once
#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/metric.h"

namespace levin::metrics {

/// The arguments of R2Score.
struct R2ScoreOptions {
  /// The number of independent regressors, for the adjusted score; 0: the plain one.
  std::int64_t adjusted = 0;
  /// Several outputs: "raw_values" (each), "uniform_average", or "variance_weighted".
  std::string multioutput = "uniform_average";
};
template <class V>
void fields(V&& f, R2ScoreOptions& o) {
  f("adjusted", o.adjusted, "number of independent regressors, for the adjusted score");
  f("multioutput", o.multioutput, "\"raw_values\", \"uniform_average\" or \"variance_weighted\"");
}

/// 1 - residual / total variance, as `torchmetrics.R2Score`, of (N) or (N, outputs). At least two samples, else `compute` throws a
/// ValueError (so `forward` wants two in a batch). States `sum_squared_error`, `sum_error`, `residual`, `total`.
class LEVIN_API R2Score final : public Metric {
 public:
  using Options = R2ScoreOptions;
  explicit R2Score(Options options = {});
  ~R2Score() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  at::Tensor scores(const at::Tensor& total_variance) const;
  Options options_;
  at::Tensor sum_squared_error_, sum_error_, residual_, total_;
};

}  // namespace levin::metrics
