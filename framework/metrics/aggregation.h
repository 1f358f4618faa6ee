#pragma once
#include <variant>

#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/metric.h"

/// Streams of numbers as one: MeanMetric, SumMetric, MinMetric, MaxMetric and CatMetric.
namespace levin::metrics {

/// The argument of all aggregators.
struct AggregatorOptions {
  /// What to do about NaN: "error", "warn" (leave them out and say so), "ignore" (leave them out), "disable" (don't look), or the
  /// number to put in their place. On a device looking would wait for it, so there the error and the warning come with `compute`.
  std::variant<std::string, double> nan_strategy = "warn";
};
template <class V>
void fields(V&& f, AggregatorOptions& o) {
  f("nan_strategy", o.nan_strategy, "\"error\", \"warn\", \"ignore\", \"disable\", or a number that takes the place of NaN");
}

/// The base of the aggregators. `update(value)` takes a number or a tensor of any shape.
class LEVIN_API BaseAggregator : public Metric {
 public:
  using Options = AggregatorOptions;
  /// ValueError in torchmetrics' words for an unknown `nan_strategy`.
  explicit BaseAggregator(const Options& options);
  ~BaseAggregator() override;

 protected:
  struct Checked {
    at::Tensor value, weight;  ///< of one shape; where NaN was left out on a device, the weight is 0 and the value is 0
  };
  /// Values and weights in the metric's type, with NaN treated as `nan_strategy` says.
  Checked cast_and_nan_check_input(const at::Tensor& value, const at::Tensor& weight = {});
  /// What is still to be said about NaN on a device.
  void report_nans();
  void forget() override { nans_on_device_.reset(); }

 private:
  enum class NanStrategy : std::uint8_t { error, warn, ignore, disable, replace };
  void found_nans() const;
  NanStrategy strategy_ = NanStrategy::replace;
  double replacement_ = 0;
  at::Tensor nans_on_device_;
};

/// The mean of a stream; `update(value, weight)`: weights of the value's shape, or that broadcast to it, 1 if not given.
/// States `mean_value` (the weighted sum) and `weight`.
class LEVIN_API MeanMetric : public BaseAggregator {
 public:
  explicit MeanMetric(const Options& options = {});
  ~MeanMetric() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  at::Tensor mean_value_, weight_;
};

/// The sum of a stream. State `sum_value`.
class LEVIN_API SumMetric : public BaseAggregator {
 public:
  explicit SumMetric(const Options& options = {});
  ~SumMetric() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  at::Tensor sum_value_;
};

/// The smallest of a stream, inf before the first. State `min_value`.
class LEVIN_API MinMetric : public BaseAggregator {
 public:
  explicit MinMetric(const Options& options = {});
  ~MinMetric() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  at::Tensor min_value_;
};

/// The greatest of a stream, -inf before the first. State `max_value`.
class LEVIN_API MaxMetric : public BaseAggregator {
 public:
  explicit MaxMetric(const Options& options = {});
  ~MaxMetric() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  at::Tensor max_value_;
};

/// All values of a stream, joined along the first dimension. State `value`. Not for `log()`, which wants one number.
class LEVIN_API CatMetric : public BaseAggregator {
 public:
  explicit CatMetric(const Options& options = {});
  ~CatMetric() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  std::vector<at::Tensor> value_;
};

using Mean = MeanMetric;
using Sum = SumMetric;
using Min = MinMetric;
using Max = MaxMetric;

}  // namespace levin::metrics
