#pragma once
#include <array>

#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/classification.h"

namespace levin::metrics {

/// The arguments of Accuracy, Precision, Recall and F1Score.
struct StatScoresOptions {
  /// "binary", "multiclass" or "multilabel"; must be given.
  std::string task;
  /// Probabilities above it are 1 (binary, multilabel).
  double threshold = 0.5;
  /// Needed for multiclass.
  std::optional<std::int64_t> num_classes = std::nullopt;
  /// Needed for multilabel.
  std::optional<std::int64_t> num_labels = std::nullopt;
  /// How classes or labels become one number: "micro" counts over all of them, "macro" is the plain mean of their scores, "weighted"
  /// the mean weighted by how often each is true; "none" or nothing gives them all.
  std::optional<std::string> average = "micro";
  /// What dimensions after the first (and the class) mean: "global" counts them as samples, "samplewise" gives a score per sample.
  std::string multidim_average = "global";
  /// A multiclass prediction is right if the target is among the k best scores.
  std::int64_t top_k = 1;
  /// Targets of this value do not count.
  std::optional<std::int64_t> ignore_index = std::nullopt;
  /// Check the tensors of each update; off is faster.
  bool validate_args = true;
  /// The score where there is nothing to divide by, 0 or 1. Not for Accuracy.
  double zero_division = 0;
};
template <class V>
void fields(V&& f, StatScoresOptions& o) {
  f("task", o.task, "\"binary\", \"multiclass\" or \"multilabel\"");
  f("threshold", o.threshold, "probabilities above it are 1");
  f("num_classes", o.num_classes, "number of classes, for multiclass");
  f("num_labels", o.num_labels, "number of labels, for multilabel");
  f("average", o.average, "\"micro\", \"macro\", \"weighted\" or \"none\"");
  f("multidim_average", o.multidim_average, "\"global\" or \"samplewise\"");
  f("top_k", o.top_k, "a target among the k best scores is right");
  f("ignore_index", o.ignore_index, "targets that do not count");
  f("validate_args", o.validate_args, "check the tensors of each update");
  f("zero_division", o.zero_division, "the score where there is nothing to divide by, 0 or 1");
}

/// The base of metrics made of true and false positives and negatives. `update(preds, target)`:
///
/// | task | preds | target |
/// | --- | --- | --- |
/// | binary | (N, ...) probabilities, logits (if one is outside [0, 1], all are taken for such) or labels | (N, ...) of 0 and 1 |
/// | multiclass | (N, C, ...) scores or (N, ...) labels | (N, ...) of 0 to C - 1 |
/// | multilabel | (N, L, ...) probabilities, logits or labels | (N, L, ...) of 0 and 1 |
///
/// States `tp`, `fp`, `tn`, `fn`. Nothing waits for a device.
class LEVIN_API StatScores : public Metric {
 public:
  using Options = StatScoresOptions;
  ~StatScores() override;
  /// "MulticlassAccuracy"
  std::string name() const override;
  std::string compute_group() const override;
  const Options& options() const { return options_; }

 protected:
  struct Counts {
    at::Tensor tp, fp, tn, fn;
  };
  /// `stem`: the class's name without the task. ValueError, in torchmetrics' words, for arguments out of range.
  StatScores(const char* stem, Options options);

  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;
  /// One score of counts of any shape.
  virtual at::Tensor score(const Counts& counts) const = 0;
  /// As in torchmetrics: with `top_k` above 1 a macro average leaves out classes without targets; otherwise only those without
  /// predictions too. FBeta's does not tell the cases apart.
  virtual bool macro_depends_on_top_k() const { return true; }
  Task task() const { return task_; }

 private:
  bool samplewise() const { return options_.multidim_average == "samplewise"; }
  bool averages(const char* how) const { return options_.average == how; }
  void validate_options(const char* stem);
  void validate(const at::Tensor& preds, const at::Tensor& target) const;
  Counts count_binary(const at::Tensor& preds, const at::Tensor& target) const;
  Counts count_multiclass(const at::Tensor& preds, const at::Tensor& target) const;
  at::Tensor averaged(const Counts& counts) const;

  const char* stem_;
  Options options_;
  Task task_;
  std::int64_t classes_ = 1;
  bool one_count_ = false;  // multiclass, micro, top 1: classes are not told apart
  std::array<at::Tensor, 4> sums_;
  std::array<std::vector<at::Tensor>, 4> lists_;
};

}  // namespace levin::metrics
