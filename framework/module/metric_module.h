#pragma once
#include "levin/framework/metrics/metric.h"
#include "levin/framework/module/lightning_module.h"

namespace levin {

/// A metric as a child of its module, as in Python, where a metric is a module: it moves with its parent and has a place in the
/// state_dict. Casts of the parent leave it alone. Made by `LightningModule::register_metric`.
class MetricModule final : public torch::nn::Module {
 public:
  explicit MetricModule(std::shared_ptr<metrics::Metric> metric);
  ~MetricModule() override;
  const std::shared_ptr<metrics::Metric>& metric() const { return metric_; }

  void to(at::Device device, at::ScalarType dtype, bool non_blocking = false) override;
  void to(at::ScalarType dtype, bool non_blocking = false) override;
  void to(at::Device device, bool non_blocking = false) override;

 private:
  std::shared_ptr<metrics::Metric> metric_;
};

/// What all metrics of a module have counted, for an exact resume.
Value metrics_state(const LightningModule& module);
/// Metrics that the state does not know stay as they are.
void load_metrics_state(const LightningModule& module, const Value& state);

}  // namespace levin
