#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// What a step returns: nothing, a tensor, or a dict of tensors.
///
/// - `training_step`: the loss, or a dict with `"loss"`; nothing skips backward for this batch (the optimizer's step is still
///   called and counted, as in Lightning).
/// - `predict_step`: the predictions, which `Trainer::predict` collects.
/// - `validation_step`, `test_step`: whatever the `on_*_batch_end` hooks should see.
class LEVIN_API StepOutput {
 public:
  using Dict = std::vector<std::pair<std::string, at::Tensor>>;

  StepOutput() = default;
  StepOutput(at::Tensor tensor) : tensor_(std::move(tensor)), kind_(Kind::tensor) {}
  StepOutput(Dict dict) : dict_(std::move(dict)), kind_(Kind::dict) {}
  StepOutput(std::initializer_list<Dict::value_type> items) : dict_(items), kind_(Kind::dict) {}

  bool is_none() const { return kind_ == Kind::none; }
  bool is_tensor() const { return kind_ == Kind::tensor; }
  bool is_dict() const { return kind_ == Kind::dict; }

  /// The tensor, or the dict's entry "loss"; an undefined tensor when there is neither.
  const at::Tensor& loss() const;
  const at::Tensor& tensor() const { return loss(); }
  const Dict& dict() const { return dict_; }
  /// A dict's entry; KeyError names the entries there are.
  const at::Tensor& operator[](std::string_view key) const;
  /// The same with its tensors on the CPU.
  StepOutput cpu() const;
  /// Replaces the tensor or the entry "loss".
  void set_loss(at::Tensor loss);

 private:
  enum class Kind : unsigned char { none, tensor, dict };
  at::Tensor tensor_;
  Dict dict_;
  Kind kind_ = Kind::none;
};

}  // namespace levin
