#pragma once
#include <optional>

#include "levin/framework/metrics/metric.h"

/// What the classification metrics share: tasks, the checks of arguments and tensors in torchmetrics' words, and small formulas.
///
/// Values are looked at on the CPU only: on a device that would wait for it. Shapes and types are checked everywhere.
namespace levin::metrics {

enum class Task : std::uint8_t { binary, multiclass, multilabel };
/// ValueError for another word than "binary", "multiclass", "multilabel".
Task task_of(const std::string& name);
/// "Binary", "Multiclass", "Multilabel": how torchmetrics calls the class that does the task.
const char* task_prefix(Task task);

/// The number of classes or labels of a task; 1 for binary. ValueError in torchmetrics' words where it is missing or too small.
/// `accuracy`: in the words of Accuracy, which has its own.
std::int64_t classes_of(Task task, const std::optional<std::int64_t>& num_classes, const std::optional<std::int64_t>& num_labels,
                        bool accuracy = false);

// ---- Arguments: ValueError ------------------------------------------------------------------------------------------------------
void check_threshold(double threshold, Task task);
/// "Expected argument `average` to be one of ('micro', ..., None), but got x".
void check_choice(const char* argument, const std::optional<std::string>& given, const std::vector<const char*>& allowed, bool or_none,
                  const char* before_got = ",", const char* end = "");

// ---- Tensors --------------------------------------------------------------------------------------------------------------------
void check_same_shape(const at::Tensor& preds, const at::Tensor& target);
/// Targets, and predictions that are labels, are 0, 1 or `ignore_index`. RuntimeError names the values there are.
void check_binary_values(const at::Tensor& preds, const at::Tensor& target, const std::optional<std::int64_t>& ignore_index,
                         bool quote_preds = false);
void check_label_count(const at::Tensor& preds, std::int64_t num_labels);
/// Shapes of (N, ...) targets with (N, C, ...) scores or (N, ...) labels.
void check_multiclass_shapes(const at::Tensor& preds, const at::Tensor& target, std::int64_t num_classes);
/// No more different values than classes, and, where they count, all within [0, C).
void check_multiclass_values(const at::Tensor& preds, const at::Tensor& target, std::int64_t num_classes,
                             const std::optional<std::int64_t>& ignore_index);

/// "torch.Size([2, 3])".
std::string size_text(at::IntArrayRef sizes);

// ---- Formulas -------------------------------------------------------------------------------------------------------------------
/// Where a target counts: everywhere (undefined) or where it is not `ignore_index`.
at::Tensor counted(const at::Tensor& target, const std::optional<std::int64_t>& ignore_index);
/// `mask` without what does not count.
at::Tensor both(const at::Tensor& mask, const at::Tensor& valid);
/// Probabilities as they are; scores of which one is outside [0, 1] through the sigmoid, all of them. Only valid ones are looked at.
at::Tensor sigmoid_if_needed(const at::Tensor& preds, const at::Tensor& valid = {});
/// The same with a softmax over dimension 1.
at::Tensor softmax_if_needed(const at::Tensor& preds, const at::Tensor& valid = {});
/// num / denom as floats; `zero_division` where denom is 0.
at::Tensor safe_divide(const at::Tensor& num, const at::Tensor& denom, double zero_division = 0);

}  // namespace levin::metrics
