#pragma once
#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/classification.h"

namespace levin::metrics {

/// The arguments of ConfusionMatrix.
struct ConfusionMatrixOptions {
  /// "binary", "multiclass" or "multilabel"; must be given.
  std::string task;
  /// Probabilities above it are 1 (binary, multilabel).
  double threshold = 0.5;
  /// Needed for multiclass, and for multilabel.
  std::optional<std::int64_t> num_classes = std::nullopt, num_labels = std::nullopt;
  /// Shares instead of counts: of a row ("true"), of a column ("pred"), of everything ("all"). Nothing or "none": counts.
  std::optional<std::string> normalize = std::nullopt;
  /// Targets of this value do not count.
  std::optional<std::int64_t> ignore_index = std::nullopt;
  /// Check the tensors of each update; off is faster.
  bool validate_args = true;
};
template <class V>
void fields(V&& f, ConfusionMatrixOptions& o) {
  f("task", o.task, "\"binary\", \"multiclass\" or \"multilabel\"");
  f("threshold", o.threshold, "probabilities above it are 1");
  f("num_classes", o.num_classes, "number of classes, for multiclass");
  f("num_labels", o.num_labels, "number of labels, for multilabel");
  f("normalize", o.normalize, "\"true\", \"pred\", \"all\" or \"none\"");
  f("ignore_index", o.ignore_index, "targets that do not count");
  f("validate_args", o.validate_args, "check the tensors of each update");
}

/// How often each target (rows) was predicted as what (columns), as `torchmetrics.ConfusionMatrix`: [2, 2], [C, C] or [L, 2, 2].
/// Takes the tensors that Accuracy takes. State `confmat`. Nothing waits for a device. Not for `log()`, which wants one number.
class LEVIN_API ConfusionMatrix final : public Metric {
 public:
  using Options = ConfusionMatrixOptions;
  /// ValueError, in torchmetrics' words, for arguments out of range.
  explicit ConfusionMatrix(Options options);
  ~ConfusionMatrix() override;
  std::string name() const override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  void validate(const at::Tensor& preds, const at::Tensor& target) const;
  /// Predictions as labels.
  at::Tensor labels(const at::Tensor& preds, const at::Tensor& target, const at::Tensor& valid) const;

  Options options_;
  Task task_;
  std::int64_t classes_;
  at::Tensor confmat_;
};

}  // namespace levin::metrics
