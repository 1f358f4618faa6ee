#pragma once
#include <ATen/core/Tensor.h>

#include "levin/framework/base/export.h"
#include "levin/framework/module/batch.h"

namespace torch::nn {
class Module;
}

namespace levin {

/// Gives the module's floating-point parameters, their gradients and buffers the type, in place: whoever holds them has the new ones.
/// Integers stay (LibTorch's own `Module::to(dtype)` would make floats of them too), and so do metrics.
LEVIN_API void convert_floats(torch::nn::Module& module, at::ScalarType type);
/// The batch with its floating-point tensors in the type.
LEVIN_API Batch convert_floats(Batch batch, at::ScalarType type);

}  // namespace levin
