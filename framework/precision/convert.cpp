#include "levin/framework/precision/convert.h"

#include <torch/nn/module.h>

namespace levin {
namespace {

void convert(at::Tensor tensor, at::ScalarType type) {
  if (!tensor.defined() || !tensor.is_floating_point() || tensor.scalar_type() == type) return;
  tensor.set_data(tensor.detach().to(type));
  if (tensor.grad().defined()) tensor.mutable_grad() = tensor.grad().to(type);
}

}  // namespace

void convert_floats(torch::nn::Module& module, at::ScalarType type) {
  for (const auto& item : module.named_parameters(/*recurse=*/false)) convert(item.value(), type);
  for (const auto& item : module.named_buffers(/*recurse=*/false)) convert(item.value(), type);
  for (const auto& child : module.named_children()) convert_floats(*child.value(), type);
}

Batch convert_floats(Batch batch, at::ScalarType type) {
  return batch.map([type](const at::Tensor& tensor) { return tensor.is_floating_point() ? tensor.to(type) : tensor; });
}

}  // namespace levin
