#include "levin/framework/metrics/stat_scores.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin::metrics {
namespace {

constexpr const char* names[] = {"tp", "fp", "tn", "fn"};

// (N, C, ...) to (N, C, X), or (N, ...) to (N, X).
at::Tensor flat_from(const at::Tensor& tensor, std::int64_t dim) {
  std::vector<std::int64_t> sizes(tensor.sizes().begin(), tensor.sizes().begin() + dim);
  std::int64_t rest = 1;
  for (const std::int64_t size : tensor.sizes().slice(static_cast<std::size_t>(dim))) rest *= size;
  sizes.push_back(rest);
  return tensor.reshape(sizes);
}

// The label that counts as predicted: the target if it is among the k best, else the best.
at::Tensor top_k_labels(const at::Tensor& scores, const at::Tensor& target, std::int64_t k) {
  const at::Tensor best = std::get<1>(at::topk(scores, k, 1));
  return at::where((best == target.unsqueeze(1)).any(1), target, best.select(1, 0));
}

}  // namespace

StatScores::StatScores(const char* stem, Options options) : stem_(stem), options_(std::move(options)), task_(task_of(options_.task)) {
  full_state_update = false;
  validate_options(stem);
  one_count_ = task_ == Task::multiclass && averages("micro") && options_.top_k == 1;
  for (std::size_t i = 0; i < 4; ++i) {
    if (samplewise()) add_state(names[i], lists_[i], "cat");
    else add_state(names[i], sums_[i], at::zeros({one_count_ ? 1 : classes_}, at::kLong), "sum");
  }
}
StatScores::~StatScores() = default;

std::string StatScores::name() const { return std::string(task_prefix(task_)) + stem_; }

void StatScores::validate_options(const char* stem) {
  classes_ = classes_of(task_, options_.num_classes, options_.num_labels, std::string_view(stem) == "Accuracy");
  if (task_ == Task::multiclass) {
    if (options_.top_k < 1)
      throw ValueError("Expected argument `top_k` to be an integer larger than or equal to 1, but got " + std::to_string(options_.top_k));
    if (options_.top_k > classes_) {
      throw ValueError("Expected argument `top_k` to be smaller or equal to `num_classes` but got " + std::to_string(options_.top_k) + " and " +
                       std::to_string(classes_));
    }
  } else {
    check_threshold(options_.threshold, task_);
  }
  if (task_ != Task::binary) check_choice("average", options_.average, {"micro", "macro", "weighted", "none"}, /*or_none=*/true);
  check_choice("multidim_average", options_.multidim_average, {"global", "samplewise"}, /*or_none=*/false);
  if (options_.zero_division != 0 && options_.zero_division != 1)
    throw ValueError("Expected argument `zero_division` to be 0 or 1, but got " + python_repr(options_.zero_division) + ".");
}

std::string StatScores::compute_group() const {
  const auto text = [](std::int64_t n) { return std::to_string(n) + " "; };
  return "StatScores " + options_.task + " " + options_.multidim_average + " " + python_repr(options_.threshold) + " " + text(classes_) +
         text(one_count_) + text(options_.top_k) + (options_.ignore_index ? text(*options_.ignore_index) : "");
}

void StatScores::validate(const at::Tensor& preds, const at::Tensor& target) const {
  if (task_ == Task::multiclass) {
    check_multiclass_shapes(preds, target, classes_);
    check_multiclass_values(preds, target, classes_, options_.ignore_index);
    if (!samplewise()) return;
    if (preds.dim() > target.dim() && preds.dim() < 3) {
      throw ValueError("If `preds` have one dimension more than `target`, the shape of `preds` should be at least 3D when multidim_average "
                       "is set to `samplewise`");
    }
    if (preds.dim() < 2) {
      throw ValueError("When `preds` and `target` have the same shape, the shape of `preds` should be at least 2D when multidim_average is "
                       "set to `samplewise`");
    }
    return;
  }
  check_same_shape(preds, target);
  if (task_ == Task::multilabel) check_label_count(preds, classes_);
  check_binary_values(preds, target, options_.ignore_index, /*quote_preds=*/task_ == Task::binary);
  const std::int64_t least = task_ == Task::binary ? 2 : 3;
  if (samplewise() && preds.dim() < least)
    throw ValueError("Expected input to be at least " + std::to_string(least) + "D when multidim_average is set to `samplewise`");
}

void StatScores::update_state(Inputs inputs) {
  const auto& [preds, target] = take<2>(inputs, "preds, target");
  if (options_.validate_args) validate(preds, target);
  const Counts counts = task_ == Task::multiclass ? count_multiclass(preds, target) : count_binary(preds, target);
  const at::Tensor batch[] = {counts.tp, counts.fp, counts.tn, counts.fn};
  for (std::size_t i = 0; i < 4; ++i) {
    if (samplewise()) lists_[i].push_back(batch[i]);
    else sums_[i] = sums_[i] + batch[i];
  }
}

// Binary and multilabel: both sides are 0 or 1.
StatScores::Counts StatScores::count_binary(const at::Tensor& given, const at::Tensor& raw_target) const {
  const std::int64_t dim = task_ == Task::binary ? 1 : 2;
  const at::Tensor labels = given.is_floating_point() ? sigmoid_if_needed(given) > options_.threshold : given != 0;
  const at::Tensor target = flat_from(raw_target, raw_target.dim() < dim ? raw_target.dim() : dim);
  const at::Tensor preds = flat_from(labels, labels.dim() < dim ? labels.dim() : dim);
  const at::Tensor valid = counted(target, options_.ignore_index);
  const at::Tensor positive = both(target == 1, valid), negative = both(target == 0, valid), other = preds.logical_not();
  std::vector<std::int64_t> summed{-1};
  if (!samplewise()) summed.push_back(0);
  if (target.dim() == 1) summed = {0};
  const auto count = [&](const at::Tensor& side, const at::Tensor& said) { return at::logical_and(side, said).sum(summed); };
  return {count(positive, preds), count(negative, preds), count(negative, other), count(positive, other)};
}

StatScores::Counts StatScores::count_multiclass(const at::Tensor& given, const at::Tensor& raw_target) const {
  at::Tensor target = flat_from(raw_target, std::min<std::int64_t>(1, raw_target.dim()));
  at::Tensor preds;
  if (options_.top_k > 1) preds = top_k_labels(flat_from(given, std::min<std::int64_t>(2, given.dim())), target, options_.top_k);
  else preds = (given.dim() == raw_target.dim() + 1 ? given.argmax(1) : given).reshape(target.sizes());
  const at::Tensor valid = counted(target, options_.ignore_index);
  const at::Tensor right = both(preds == target, valid);
  if (one_count_ && !samplewise()) {
    const at::Tensor tp = right.sum();
    const at::Tensor total = valid.defined() ? valid.sum() : at::ones_like(tp) * target.numel();
    const at::Tensor wrong = total - tp;
    return {tp, wrong, classes_ * total - (wrong + wrong + tp), wrong};
  }
  if (valid.defined()) {
    // Ignored ones may be of no class: they are counted with weight 0, as class 0.
    target = target.masked_fill(valid.logical_not(), 0);
    preds = preds.masked_fill(valid.logical_not(), 0);
  }
  const auto rows = [&](const at::Tensor& x) { return samplewise() ? x : x.reshape({1, -1}); };
  const at::Tensor weight = rows(valid.defined() ? valid : at::ones_like(right)).to(at::kLong);
  const at::Tensor zeros = at::zeros({weight.size(0), classes_}, weight.options());
  const auto per_class = [&](const at::Tensor& of, const at::Tensor& how_many) {
    const at::Tensor out = zeros.scatter_add(1, rows(of).to(at::kLong), how_many);
    return samplewise() ? out : out.squeeze(0);
  };
  const at::Tensor tp = per_class(target, rows(right).to(at::kLong));
  const at::Tensor fp = per_class(preds, weight) - tp, fn = per_class(target, weight) - tp;
  const at::Tensor total = samplewise() ? weight.sum(1, true) : weight.sum();
  return {tp, fp, total - (tp + fp + fn), fn};
}

at::Tensor StatScores::compute_value() {
  if (!samplewise()) return averaged({sums_[0], sums_[1], sums_[2], sums_[3]});
  return averaged({dim_zero_cat(lists_[0]), dim_zero_cat(lists_[1]), dim_zero_cat(lists_[2]), dim_zero_cat(lists_[3])});
}

at::Tensor StatScores::averaged(const Counts& c) const {
  if (task_ == Task::binary) return score(c);
  if (averages("micro")) {
    const std::int64_t dim = samplewise() ? 1 : 0;
    return score({c.tp.sum(dim), c.fp.sum(dim), c.tn.sum(dim), c.fn.sum(dim)});
  }
  const at::Tensor each = score(c);
  if (!options_.average || averages("none")) return each;
  at::Tensor weights = at::ones_like(each);
  if (averages("weighted")) {
    weights = c.tp + c.fn;
  } else if (task_ == Task::multiclass) {
    // Classes that never came, in targets or predictions, do not count.
    const at::Tensor seen = options_.top_k == 1 || !macro_depends_on_top_k() ? c.tp + c.fp + c.fn : c.tp + c.fn;
    weights = weights.masked_fill(seen == 0, 0);
  }
  return safe_divide(weights * each, weights.sum(-1, true)).sum(-1);
}

}  // namespace levin::metrics
