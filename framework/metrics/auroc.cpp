#include "levin/framework/metrics/auroc.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/trapezoid.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/tensors/tensors.h"

namespace levin::metrics {
namespace {

// Scores of one class against whether each is of it, best score first; ties are one step of the curve.
struct Steps {
  at::Tensor fps, tps;
};

Steps steps_of(const at::Tensor& preds, const at::Tensor& positive) {
  const at::Tensor order = at::argsort(preds, /*dim=*/-1, /*descending=*/true);
  const at::Tensor sorted = preds.index_select(0, order);
  const at::Tensor changes = at::nonzero(sorted.slice(0, 1) != sorted.slice(0, 0, -1)).squeeze(1);
  const at::Tensor ends = at::cat({changes, at::tensor({preds.size(0) - 1}, changes.options())});
  const at::Tensor tps = positive.index_select(0, order).to(at::kLong).cumsum(0).index_select(0, ends);
  return {1 + ends - tps, tps};
}

at::Tensor rates(const at::Tensor& counts, const char* missing, const char* side) {
  const at::Tensor curve = at::cat({at::zeros({1}, counts.options()), counts});
  if (curve[-1].item<std::int64_t>() > 0) return curve / curve[-1];
  rank_zero_warn(std::string("No ") + missing + " samples in targets, " + side + " positive value should be meaningless. Returning zero tensor in " +
                 side + " positive score");
  return at::zeros_like(curve, curve.options().dtype(at::kFloat));
}

// (N, K, ...) to (M, K).
at::Tensor as_columns(const at::Tensor& tensor, std::int64_t columns) { return tensor.transpose(0, 1).reshape({columns, -1}).t(); }

}  // namespace

AUROC::AUROC(Options options)
    : options_(std::move(options)), task_(task_of(options_.task)), classes_(classes_of(task_, options_.num_classes, options_.num_labels)) {
  full_state_update = false;
  make_thresholds();
  if (task_ == Task::multiclass) check_choice("average", options_.average, {"macro", "weighted", "none"}, /*or_none=*/true, "");
  if (task_ == Task::multilabel) check_choice("average", options_.average, {"micro", "macro", "weighted", "none"}, /*or_none=*/true, "");
  if (options_.max_fpr && (*options_.max_fpr <= 0 || *options_.max_fpr > 1))
    throw ValueError("Arguments `max_fpr` should be a float in range (0, 1], but got: " + python_repr(*options_.max_fpr));
  if (binned()) {
    const std::int64_t n = thresholds_.size(0);
    add_state("confmat", confmat_, task_ == Task::binary ? at::zeros({n, 2, 2}, at::kLong) : at::zeros({n, classes_, 2, 2}, at::kLong), "sum");
  } else {
    add_state("preds", preds_, "cat");
    add_state("target", target_, "cat");
  }
}
AUROC::~AUROC() = default;

std::string AUROC::name() const { return std::string(task_prefix(task_)) + "AUROC"; }

void AUROC::to(at::Device device) {
  Metric::to(device);
  if (binned()) thresholds_ = thresholds_.to(device);
}

void AUROC::make_thresholds() {
  if (const auto* n = std::get_if<std::int64_t>(&options_.thresholds)) {
    if (*n < 2) throw ValueError("If argument `thresholds` is an integer, expected it to be larger than 1, but got " + std::to_string(*n));
    thresholds_ = at::linspace(0, 1, *n);
  } else if (const auto* list = std::get_if<std::vector<double>>(&options_.thresholds)) {
    if (!std::all_of(list->begin(), list->end(), [](double t) { return t >= 0 && t <= 1; })) {
      throw ValueError("If argument `thresholds` is a list, expected all elements to be floats in the [0,1] range, but got " +
                       Value::list({list->begin(), list->end()}).repr());
    }
    thresholds_ = at::tensor(*list, at::kFloat);
  }
}

void AUROC::validate(const at::Tensor& preds, const at::Tensor& target) const {
  const auto type = [](const at::Tensor& tensor) { return std::string("torch.") + dtype_name(to_dtype(tensor.scalar_type())); };
  if (task_ == Task::multiclass) {
    if (preds.dim() != target.dim() + 1) {
      throw ValueError("Expected `preds` to have one more dimension than `target` but got " + std::to_string(preds.dim()) + " and " +
                       std::to_string(target.dim()));
    }
    if (target.is_floating_point())
      throw ValueError("Expected argument `target` to be an int or long tensor, but got tensor with dtype " + type(target));
    if (!preds.is_floating_point()) throw ValueError("Expected `preds` to be a float tensor, but got " + type(preds));
    if (preds.size(1) != classes_) {
      throw ValueError("Expected `preds.shape[1]` to be equal to the number of classes but got " + std::to_string(preds.size(1)) + " and " +
                       std::to_string(classes_) + ".");
    }
    if (preds.size(0) != target.size(0) || preds.sizes().slice(2) != target.sizes().slice(1)) {
      throw ValueError("Expected the shape of `preds` should be (N, C, ...) and the shape of `target` should be (N, ...) but got " +
                       size_text(preds.sizes()) + " and " + size_text(target.sizes()));
    }
    check_multiclass_values(preds, target, classes_, options_.ignore_index);
    return;
  }
  check_same_shape(preds, target);
  if (target.is_floating_point()) {
    throw ValueError("Expected argument `target` to be an int or long tensor with ground truth labels but got tensor with dtype " + type(target));
  }
  if (!preds.is_floating_point()) {
    throw ValueError("Expected argument `preds` to be an floating tensor with probability/logit scores, but got tensor with dtype " + type(preds));
  }
  check_binary_values(preds, target, options_.ignore_index);
  if (task_ == Task::multilabel) check_label_count(preds, classes_);
}

void AUROC::update_state(Inputs inputs) {
  const auto& [given, given_target] = take<2>(inputs, "preds, target");
  if (options_.validate_args) validate(given, given_target);
  at::Tensor preds = task_ == Task::binary ? given.flatten() : as_columns(given, classes_);
  at::Tensor target = task_ == Task::multilabel ? as_columns(given_target, classes_) : given_target.flatten();
  at::Tensor valid = counted(target, options_.ignore_index);
  // All scores are kept, so those that don't count are not; of labels, each of a row may count or not.
  if (!binned() && valid.defined() && task_ != Task::multilabel) {
    const at::Tensor kept = at::nonzero(valid).squeeze(1);
    preds = preds.index_select(0, kept);
    target = target.index_select(0, kept);
    valid = at::Tensor();
  }
  const at::Tensor rows = valid.defined() && task_ == Task::multiclass ? valid.unsqueeze(1) : valid;
  preds = task_ == Task::multiclass ? softmax_if_needed(preds, rows) : sigmoid_if_needed(preds, task_ == Task::binary ? rows : at::Tensor());
  if (!binned()) {
    preds_.push_back(preds);
    target_.push_back(target);
    return;
  }
  const at::Tensor positive = task_ == Task::multiclass ? target.unsqueeze(1) == at::arange(classes_, target.options()) : target == 1;
  count(preds.view({preds.size(0), -1}), positive.view({preds.size(0), -1}), valid.defined() ? rows.reshape({preds.size(0), -1}) : valid);
}

// Adds to [T, K, 2, 2] of (threshold, class, target, prediction); a part of the thresholds at a time, so that memory is bounded.
void AUROC::count(const at::Tensor& preds, const at::Tensor& given, const at::Tensor& valid) {
  const at::Tensor positive = both(given, valid), negative = both(given.logical_not(), valid);
  const at::Tensor all_positive = positive.sum(0), all_negative = negative.sum(0);
  const std::int64_t at_once = std::max<std::int64_t>(1, 1'000'000 / std::max<std::int64_t>(1, preds.numel()));
  std::vector<at::Tensor> parts;
  for (const at::Tensor& some : thresholds_.split(at_once)) {
    const at::Tensor said = preds.unsqueeze(0) >= some.view({-1, 1, 1});
    const at::Tensor tp = at::logical_and(said, positive).sum(1), fp = at::logical_and(said, negative).sum(1);
    parts.push_back(at::stack({at::stack({all_negative - fp, fp}, -1), at::stack({all_positive - tp, tp}, -1)}, -2));
  }
  confmat_ = confmat_ + at::cat(parts).view(confmat_.sizes());
}

at::Tensor AUROC::compute_value() { return binned() ? binned_value() : exact_value(dim_zero_cat(preds_), dim_zero_cat(target_)); }

at::Tensor AUROC::area(const Curve& curve) const {
  at::Tensor fpr = curve.fpr, tpr = curve.tpr;
  const double most = options_.max_fpr.value_or(1);
  const bool whole = task_ != Task::binary || most == 1 || fpr.sum().item<double>() == 0 || tpr.sum().item<double>() == 0;
  if (whole) return at::trapezoid(tpr, fpr);
  // Up to `max_fpr`, where the curve is cut between two of its points; scaled from [chance, best] to [0.5, 1].
  const at::Tensor limit = at::tensor(most, fpr.options());
  if (fpr[-1].item<double>() <= most) {
    // Thresholds that begin above 0: the curve goes on to where everything is positive.
    fpr = at::cat({fpr, at::tensor({1.0}, fpr.options())});
    tpr = at::cat({tpr, at::tensor({1.0}, tpr.options())});
  }
  const std::int64_t stop = (fpr <= limit).sum().item<std::int64_t>();
  const at::Tensor weight = (limit - fpr[stop - 1]) / (fpr[stop] - fpr[stop - 1]);
  const at::Tensor last = at::lerp(tpr[stop - 1], tpr[stop], weight);
  const at::Tensor partial = at::trapezoid(at::cat({tpr.slice(0, 0, stop), last.view(1)}), at::cat({fpr.slice(0, 0, stop), limit.view(1)}));
  const at::Tensor least = 0.5 * limit * limit;
  return 0.5 * (1 + (partial - least) / (limit - least));
}

at::Tensor AUROC::averaged(const at::Tensor& areas, const at::Tensor& weights) const {
  if (!options_.average || options_.average == "none") return areas;
  const at::Tensor known = at::nonzero(at::isnan(areas).logical_not()).squeeze(1);
  if (known.size(0) < areas.size(0))
    rank_zero_warn("Average precision score for one or more classes was `nan`. Ignoring these classes in " + *options_.average + "-average");
  const at::Tensor some = areas.index_select(0, known);
  if (options_.average == "macro") return some.mean();
  const at::Tensor of_some = weights.index_select(0, known);
  return (some * safe_divide(of_some, of_some.sum())).sum();
}

at::Tensor AUROC::exact_value(const at::Tensor& preds, const at::Tensor& target) const {
  const auto curve = [](const at::Tensor& scores, const at::Tensor& positive) -> Curve {
    const Steps steps = steps_of(scores, positive);
    return {rates(steps.fps, "negative", "false"), rates(steps.tps, "positive", "true")};
  };
  const auto counting = [&](const at::Tensor& scores, const at::Tensor& labels) {
    if (task_ != Task::multilabel || !options_.ignore_index) return area(curve(scores, labels == 1));
    const at::Tensor kept = at::nonzero(labels != *options_.ignore_index).squeeze(1);
    return area(curve(scores.index_select(0, kept), labels.index_select(0, kept) == 1));
  };
  if (task_ == Task::binary) return counting(preds, target);
  if (options_.average == "micro") return counting(preds.flatten(), target.flatten());
  std::vector<at::Tensor> areas;
  for (std::int64_t i = 0; i < classes_; ++i) {
    areas.push_back(task_ == Task::multiclass ? area(curve(preds.select(1, i), target == i)) : counting(preds.select(1, i), target.select(1, i)));
  }
  const at::Tensor support = task_ == Task::multiclass ? (target.unsqueeze(1) == at::arange(classes_, target.options())).sum(0) : (target == 1).sum(0);
  return averaged(at::stack(areas), support.to(at::kFloat));
}

at::Tensor AUROC::binned_value() const {
  const bool one = task_ == Task::binary || options_.average == "micro";
  const at::Tensor counts = task_ != Task::binary && one ? confmat_.sum(1) : confmat_;
  const auto cell = [&](std::int64_t target, std::int64_t pred) { return counts.select(-2, target).select(-1, pred); };
  const at::Tensor tpr = safe_divide(cell(1, 1), cell(1, 1) + cell(1, 0)).flip(0);
  const at::Tensor fpr = safe_divide(cell(0, 1), cell(0, 1) + cell(0, 0)).flip(0);
  if (one) return area({fpr, tpr});
  return averaged(at::trapezoid(tpr.t(), fpr.t(), 1), counts.select(0, 0).select(1, 1).sum(-1));
}

}  // namespace levin::metrics
