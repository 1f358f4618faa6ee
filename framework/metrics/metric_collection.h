#pragma once
#include <optional>
#include <utility>

#include "levin/framework/metrics/metric.h"

namespace levin::metrics {

/// The arguments of MetricCollection beside the metrics.
struct MetricCollectionOptions {
  /// Put in front of all names, and behind.
  std::optional<std::string> prefix = std::nullopt, postfix = std::nullopt;
  /// Metrics whose `update` would do the very same share one update (`Metric::compute_group`).
  bool compute_groups = true;
};

/// Metrics that are updated together, as `torchmetrics.MetricCollection`:
///
///     metrics_(register_metric("valid", std::make_shared<MetricCollection>(
///         MetricCollection::Metrics{levin::make<Accuracy>({...}), levin::make<F1Score>({...})}, MetricCollectionOptions{.prefix = "val_"})))
///     ...
///     metrics_->update(logits, y);
///     log_dict(metrics_);            // val_MulticlassAccuracy, val_MulticlassF1Score
class LEVIN_API MetricCollection {
 public:
  using Metrics = std::vector<std::shared_ptr<Metric>>;
  using NamedMetrics = std::vector<std::pair<std::string, std::shared_ptr<Metric>>>;
  /// Values by name: what `log_dict` takes.
  using Values = std::vector<std::pair<std::string, at::Tensor>>;
  using Options = MetricCollectionOptions;

  /// Each under the name of its class. ValueError for two of one name.
  explicit MetricCollection(const Metrics& metrics, Options options = {});
  /// Each under a name of its own; kept in the order of names, as in torchmetrics.
  explicit MetricCollection(NamedMetrics metrics, Options options = {});
  ~MetricCollection();
  MetricCollection(const MetricCollection&) = delete;
  MetricCollection& operator=(const MetricCollection&) = delete;

  void update(Metric::Inputs inputs);
  template <class... T>
  void update(const T&... inputs) {
    const at::Tensor tensors[] = {inputs...};
    update(Metric::Inputs(tensors));
  }
  /// The batch's values; the batch is added.
  Values forward(Metric::Inputs inputs);
  template <class... T>
  Values forward(const T&... inputs) {
    const at::Tensor tensors[] = {inputs...};
    return forward(Metric::Inputs(tensors));
  }
  template <class... T>
  Values operator()(const T&... inputs) { return forward(inputs...); }
  Values compute();
  void reset();
  void persistent(bool mode = true);

  /// The metrics under their full names, or, with `keep_base`, without prefix and postfix.
  const NamedMetrics& items(bool keep_base = false) const { return keep_base ? metrics_ : renamed_; }
  /// The metric of this name, with or without prefix and postfix; KeyError names those there are.
  Metric& operator[](std::string_view name) const;
  std::size_t size() const { return metrics_.size(); }
  /// Names of the metrics that share one update, the one that does it first.
  std::vector<std::vector<std::string>> compute_groups() const;

 private:
  void arrange();
  Options options_;
  NamedMetrics metrics_, renamed_;
  std::vector<std::vector<std::size_t>> groups_;
};

}  // namespace levin::metrics
