#include "levin/framework/metrics/confusion_matrix.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin::metrics {

ConfusionMatrix::ConfusionMatrix(Options options)
    : options_(std::move(options)), task_(task_of(options_.task)), classes_(classes_of(task_, options_.num_classes, options_.num_labels)) {
  full_state_update = false;
  if (task_ != Task::multiclass) check_threshold(options_.threshold, task_);
  check_choice("normalize", options_.normalize, {"true", "pred", "all", "none"}, /*or_none=*/true, ",", ".");
  const std::int64_t side = task_ == Task::multiclass ? classes_ : 2;
  add_state("confmat", confmat_, task_ == Task::multilabel ? at::zeros({classes_, 2, 2}, at::kLong) : at::zeros({side, side}, at::kLong), "sum");
}
ConfusionMatrix::~ConfusionMatrix() = default;

std::string ConfusionMatrix::name() const { return std::string(task_prefix(task_)) + "ConfusionMatrix"; }

void ConfusionMatrix::validate(const at::Tensor& preds, const at::Tensor& target) const {
  if (task_ == Task::multiclass) {
    check_multiclass_shapes(preds, target, classes_);
    check_multiclass_values(preds, target, classes_, options_.ignore_index);
    return;
  }
  check_same_shape(preds, target);
  if (task_ == Task::multilabel) check_label_count(preds, classes_);
  check_binary_values(preds, target, options_.ignore_index);
}

at::Tensor ConfusionMatrix::labels(const at::Tensor& preds, const at::Tensor& target, const at::Tensor& valid) const {
  if (task_ == Task::multiclass) return preds.dim() == target.dim() + 1 ? preds.argmax(1) : preds;
  if (!preds.is_floating_point()) return preds;
  // As in torchmetrics: a binary task looks for logits among the values that count, a multilabel one among all.
  return sigmoid_if_needed(preds, task_ == Task::binary ? valid : at::Tensor()) > options_.threshold;
}

void ConfusionMatrix::update_state(Inputs inputs) {
  const auto& [preds, target] = take<2>(inputs, "preds, target");
  if (options_.validate_args) validate(preds, target);
  const at::Tensor valid = counted(target, options_.ignore_index);
  const std::int64_t side = confmat_.size(-1);
  at::Tensor cell = target.to(at::kLong) * side + labels(preds, target, valid).reshape(target.sizes()).to(at::kLong);
  if (task_ == Task::multilabel) {
    std::vector<std::int64_t> along(static_cast<std::size_t>(target.dim()), 1);
    along[1] = classes_;
    cell = cell + 4 * at::arange(classes_, cell.options()).view(along);
  }
  // What does not count is added to the first cell with weight 0.
  if (valid.defined()) cell = cell.masked_fill(valid.logical_not(), 0);
  const at::Tensor weight = valid.defined() ? valid.to(at::kLong) : at::ones_like(cell);
  const at::Tensor counts = at::zeros({confmat_.numel()}, cell.options()).scatter_add(0, cell.flatten(), weight.flatten());
  confmat_ = confmat_ + counts.view(confmat_.sizes());
}

at::Tensor ConfusionMatrix::compute_value() {
  if (!options_.normalize || options_.normalize == "none") return confmat_;
  const at::Tensor counts = confmat_.to(at::kFloat);
  const at::Tensor shares = options_.normalize == "true"   ? counts / counts.sum(-1, true)
                            : options_.normalize == "pred" ? counts / counts.sum(-2, true)
                                                           : counts / counts.sum({-2, -1}, true);
  const at::Tensor nans = at::isnan(shares);
  if (const auto n = nans.sum().item<std::int64_t>())
    rank_zero_warn(std::to_string(n) + " NaN values found in confusion matrix have been replaced with zeros.");
  return shares.masked_fill(nans, 0);
}

}  // namespace levin::metrics
