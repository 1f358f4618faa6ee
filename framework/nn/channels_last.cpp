#include "levin/framework/nn/channels_last.h"

#include <torch/nn/module.h>

#include <c10/core/GradMode.h>

namespace levin {

void to_channels_last(torch::nn::Module& module) {
  const c10::AutoGradMode no_grad(false);
  for (at::Tensor& parameter : module.parameters()) {
    if (!parameter.defined() || (parameter.dim() != 4 && parameter.dim() != 5)) continue;
    const auto format = parameter.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d;
    parameter.set_data(parameter.contiguous(format));
  }
}

}  // namespace levin
