#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

namespace c10d {
class Reducer;
}

namespace levin {

class ProcessGroup;

/// How `reducer` averages the gradients of `parameters` over the ranks: "fp16_compress", "bf16_compress" or "allreduce", which the user
/// names; without a name through rank 0 if they are few, else c10d's own mean.
void choose_comm_hook(c10d::Reducer& reducer, const ProcessGroup& group, const std::vector<at::Tensor>& parameters,
                      const std::optional<std::string>& name);

}  // namespace levin
