#include "levin/framework/module/step_output.h"

#include "levin/framework/base/errors.h"

namespace levin {

const at::Tensor& StepOutput::loss() const {
  for (const auto& [name, tensor] : dict_)
    if (name == "loss") return tensor;
  return tensor_;
}

const at::Tensor& StepOutput::operator[](std::string_view key) const {
  std::string names;
  for (const auto& [name, tensor] : dict_) {
    if (name == key) return tensor;
    names += (names.empty() ? "" : ", ") + name;
  }
  throw KeyError("no entry '" + std::string(key) + "' in what the step returned; there are: " +
                 (names.empty() ? "none" : names));
}

StepOutput StepOutput::cpu() const {
  StepOutput out = *this;
  if (tensor_.defined()) out.tensor_ = tensor_.cpu();
  for (auto& [name, tensor] : out.dict_)
    if (tensor.defined()) tensor = tensor.cpu();
  return out;
}

void StepOutput::set_loss(at::Tensor loss) {
  for (auto& [name, tensor] : dict_) {
    if (name != "loss") continue;
    tensor = std::move(loss);
    return;
  }
  tensor_ = std::move(loss);
}

}  // namespace levin
