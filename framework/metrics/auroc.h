#pragma once
#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/classification.h"

namespace levin::metrics {

/// The arguments of AUROC.
struct AUROCOptions {
  /// "binary", "multiclass" or "multilabel"; must be given.
  std::string task;
  /// Nothing: exact, from all scores, which are kept. A number n: from the counts at n thresholds between 0 and 1, or at those of a
  /// list: less exact, in constant memory.
  std::variant<std::monostate, std::int64_t, std::vector<double>> thresholds = {};
  /// Needed for multiclass, and for multilabel.
  std::optional<std::int64_t> num_classes = std::nullopt, num_labels = std::nullopt;
  /// "macro", "weighted" or "none"; multilabel also "micro".
  std::optional<std::string> average = "macro";
  /// Binary: the area up to this rate of false positives only, scaled so that chance gives 0.5.
  std::optional<double> max_fpr = std::nullopt;
  /// Targets of this value do not count.
  std::optional<std::int64_t> ignore_index = std::nullopt;
  /// Check the tensors of each update; off is faster.
  bool validate_args = true;
};
template <class V>
void fields(V&& f, AUROCOptions& o) {
  f("task", o.task, "\"binary\", \"multiclass\" or \"multilabel\"");
  f("thresholds", o.thresholds, "how many thresholds, or a list of them; null: exact");
  f("num_classes", o.num_classes, "number of classes, for multiclass");
  f("num_labels", o.num_labels, "number of labels, for multilabel");
  f("average", o.average, "\"macro\", \"weighted\", \"none\", or for multilabel \"micro\"");
  f("max_fpr", o.max_fpr, "area up to this false positive rate, for binary");
  f("ignore_index", o.ignore_index, "targets that do not count");
  f("validate_args", o.validate_args, "check the tensors of each update");
}

/// The area under the ROC curve, as `torchmetrics.AUROC`. `update(preds, target)` takes scores: (N, ...) probabilities or logits with
/// targets of 0 and 1 (binary), (N, C, ...) with (N, ...) (multiclass), (N, L, ...) with the same (multilabel).
/// States `preds` and `target`, or `confmat` with thresholds.
class LEVIN_API AUROC final : public Metric {
 public:
  using Options = AUROCOptions;
  /// ValueError, in torchmetrics' words, for arguments out of range.
  explicit AUROC(Options options);
  ~AUROC() override;
  std::string name() const override;
  void to(at::Device device) override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  /// The curve: false and true positive rates.
  struct Curve {
    at::Tensor fpr, tpr;
  };
  bool binned() const { return thresholds_.defined(); }
  void make_thresholds();
  void validate(const at::Tensor& preds, const at::Tensor& target) const;
  void count(const at::Tensor& preds, const at::Tensor& positive, const at::Tensor& valid);
  at::Tensor area(const Curve& curve) const;
  at::Tensor averaged(const at::Tensor& areas, const at::Tensor& weights) const;
  at::Tensor exact_value(const at::Tensor& preds, const at::Tensor& target) const;
  at::Tensor binned_value() const;

  Options options_;
  Task task_;
  std::int64_t classes_;
  at::Tensor thresholds_, confmat_;
  std::vector<at::Tensor> preds_, target_;
};

}  // namespace levin::metrics
