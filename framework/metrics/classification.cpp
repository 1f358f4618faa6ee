#include "levin/framework/metrics/classification.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>

#include <cctype>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin::metrics {
namespace {

// "tensor([0, 1, 7])": the values there are, as torch prints them.
std::string unique_text(const at::Tensor& tensor) {
  const at::Tensor values = std::get<0>(at::_unique2(tensor));
  std::string out = "tensor([";
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    if (i) out += ", ";
    out += values.is_floating_point() ? python_format(values[i].item<double>(), ".4f") : std::to_string(values[i].item<std::int64_t>());
  }
  return out + "])";
}

bool holds_somewhere(const at::Tensor& condition) { return condition.any().item<bool>(); }

// As in torchmetrics: on the CPU a NaN lies outside of what a probability can be, on a device it does not.
at::Tensor normalized(const at::Tensor& preds, const at::Tensor& valid, at::Tensor (*apply)(const at::Tensor&)) {
  if (!preds.is_cpu()) return at::where(both(at::logical_or(preds < 0, preds > 1), valid).any(), apply(preds), preds);
  const at::Tensor inside = at::logical_and(preds >= 0, preds <= 1);
  return holds_somewhere(both(inside.logical_not(), valid)) ? apply(preds) : preds;
}

}  // namespace

Task task_of(const std::string& given) {
  std::string name = given;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "binary") return Task::binary;
  if (name == "multiclass") return Task::multiclass;
  if (name == "multilabel") return Task::multilabel;
  throw ValueError("Invalid Classification: expected one of ['BINARY', 'MULTICLASS', 'MULTILABEL'], but got " + given + ".");
}

const char* task_prefix(Task task) {
  return task == Task::binary ? "Binary" : task == Task::multiclass ? "Multiclass" : "Multilabel";
}

std::int64_t classes_of(Task task, const std::optional<std::int64_t>& num_classes, const std::optional<std::int64_t>& num_labels,
                        bool accuracy) {
  if (task == Task::binary) return 1;
  const bool classes = task == Task::multiclass;
  const std::string argument = classes ? "num_classes" : "num_labels";
  const auto& given = classes ? num_classes : num_labels;
  if (!given && accuracy) {
    throw ValueError("Optional arg `" + argument + "` must be type `int` when task is ClassificationTask." + (classes ? "MULTICLASS" : "MULTILABEL") +
                     ". Got <class 'NoneType'>");
  }
  if (!given) throw ValueError("`" + argument + "` is expected to be `int` but `<class 'NoneType'> was passed.`");
  if (*given < 2) throw ValueError("Expected argument `" + argument + "` to be an integer larger than 1, but got " + std::to_string(*given));
  return *given;
}

void check_threshold(double threshold, Task task) {
  if (threshold >= 0 && threshold <= 1) return;
  throw ValueError(std::string("Expected argument `threshold` to be a float") + (task == Task::binary ? " in the [0,1] range" : "") +
                   ", but got " + python_repr(threshold) + ".");
}

void check_choice(const char* argument, const std::optional<std::string>& given, const std::vector<const char*>& allowed, bool or_none,
                  const char* before_got, const char* end) {
  std::string names;
  if (!given && or_none) return;
  for (const char* name : allowed) {
    if (given == name) return;
    names += std::string(names.empty() ? "" : ", ") + "'" + name + "'";
  }
  throw ValueError(std::string("Expected argument `") + argument + "` to be one of (" + names + (or_none ? ", None" : "") + ")" + before_got +
                   " but got " + given.value_or("None") + end);
}

std::string size_text(at::IntArrayRef sizes) {
  std::string out = "torch.Size([";
  for (std::size_t i = 0; i < sizes.size(); ++i) out += (i ? ", " : "") + std::to_string(sizes[i]);
  return out + "])";
}

void check_same_shape(const at::Tensor& preds, const at::Tensor& target) {
  if (preds.sizes() == target.sizes()) return;
  throw RuntimeError("Predictions and targets are expected to have the same shape, but got " + size_text(preds.sizes()) + " and " +
                     size_text(target.sizes()) + ".");
}

void check_binary_values(const at::Tensor& preds, const at::Tensor& target, const std::optional<std::int64_t>& ignore_index,
                         bool quote_preds) {
  if (target.is_cpu()) {
    const at::Tensor wrong = at::logical_and(target != 0, target != 1);
    if (holds_somewhere(both(wrong, counted(target, ignore_index)))) {
      throw RuntimeError("Detected the following values in `target`: " + unique_text(target) + " but expected only the following values " +
                         (ignore_index ? "[" + std::to_string(*ignore_index) + "]" : "[0, 1]") + ".");
    }
  }
  if (preds.is_cpu() && !preds.is_floating_point() && holds_somewhere(at::logical_and(preds != 0, preds != 1))) {
    throw RuntimeError("Detected the following values in `preds`: " + unique_text(preds) + " but expected only the following values [0,1] since " +
                       (quote_preds ? "`preds`" : "preds") + " is a label tensor.");
  }
}

void check_label_count(const at::Tensor& preds, std::int64_t num_labels) {
  if (preds.dim() > 1 && preds.size(1) == num_labels) return;
  throw ValueError("Expected both `target.shape[1]` and `preds.shape[1]` to be equal to the number of labels but got " +
                   (preds.dim() > 1 ? std::to_string(preds.size(1)) : std::string("none")) + " and expected " + std::to_string(num_labels));
}

void check_multiclass_shapes(const at::Tensor& preds, const at::Tensor& target, std::int64_t num_classes) {
  const std::string more = "If `preds` have one dimension more than `target`, ";
  if (preds.dim() == target.dim() + 1) {
    if (!preds.is_floating_point()) throw ValueError(more + "`preds` should be a float tensor.");
    if (preds.size(1) != num_classes) throw ValueError(more + "`preds.shape[1]` should be equal to number of classes.");
    if (preds.sizes().slice(2) != target.sizes().slice(1))
      throw ValueError(more + "the shape of `preds` should be (N, C, ...), and the shape of `target` should be (N, ...).");
  } else if (preds.dim() != target.dim()) {
    throw ValueError("Either `preds` and `target` both should have the (same) shape (N, ...), or `target` should be (N, ...) and `preds` "
                     "should be (N, C, ...).");
  } else if (preds.sizes() != target.sizes()) {
    throw ValueError("The `preds` and `target` should have the same shape, got `preds` with shape=" + size_text(preds.sizes()) +
                     " and `target` with shape=" + size_text(target.sizes()) + ".");
  }
}

void check_multiclass_values(const at::Tensor& preds, const at::Tensor& target, std::int64_t num_classes,
                             const std::optional<std::int64_t>& ignore_index) {
  const std::int64_t most = num_classes + (ignore_index ? 1 : 0);
  const bool labels = !preds.is_floating_point();
  for (const auto& [tensor, name] : {std::pair(&target, "target"), std::pair(&preds, "preds")}) {
    if ((tensor == &preds && !labels) || !tensor->is_cpu() || tensor->numel() == 0) continue;
    const auto [least, greatest] = at::aminmax(*tensor);
    if (least.item<double>() >= 0 && greatest.item<double>() < static_cast<double>(num_classes)) continue;
    const std::int64_t different = std::get<0>(at::_unique2(*tensor)).numel();
    if (different > most) {
      throw RuntimeError("Detected more unique values in `" + std::string(name) + "` than expected. Expected only " + std::to_string(most) +
                         " but found " + std::to_string(different) + " in `" + name + "`. Found values: " + unique_text(*tensor) + ".");
    }
    const at::Tensor outside = at::logical_or(*tensor < 0, *tensor >= num_classes);
    if (holds_somewhere(both(outside, counted(target, ignore_index)))) {
      throw RuntimeError("Expected all values in `" + std::string(name) + "` to be in [0, " + std::to_string(num_classes - 1) +
                         "], the number of classes being " + std::to_string(num_classes) + ". Found values: " + unique_text(*tensor) + ".");
    }
  }
}

at::Tensor counted(const at::Tensor& target, const std::optional<std::int64_t>& ignore_index) {
  return ignore_index ? target != *ignore_index : at::Tensor();
}

at::Tensor both(const at::Tensor& mask, const at::Tensor& valid) { return valid.defined() ? at::logical_and(mask, valid) : mask; }

at::Tensor sigmoid_if_needed(const at::Tensor& preds, const at::Tensor& valid) {
  return normalized(preds, valid, [](const at::Tensor& x) { return at::sigmoid(x); });
}

at::Tensor softmax_if_needed(const at::Tensor& preds, const at::Tensor& valid) {
  return normalized(preds, valid, [](const at::Tensor& x) { return at::softmax(x, 1); });
}

at::Tensor safe_divide(const at::Tensor& num, const at::Tensor& denom, double zero_division) {
  const at::Tensor a = num.is_floating_point() ? num : num.to(at::kFloat);
  const at::Tensor b = denom.is_floating_point() ? denom : denom.to(at::kFloat);
  return (a / b).masked_fill(b == 0, zero_division);
}

}  // namespace levin::metrics
