// Gradient clipping without a device synchronisation: the norm stays a tensor.
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/module/trainer_link.h"

namespace levin {

void LightningModule::clip_gradients(optim::Optimizer& optimizer, std::optional<double> value,
                                     const std::optional<std::string>& algorithm) {
  const std::string kind = algorithm.value_or("norm");
  if (kind != "norm" && kind != "value") {
    throw MisconfigurationException("`gradient_clip_algorithm` " + kind + " is invalid. Allowed algorithms: ['value', 'norm'].");
  }
  if (value.value_or(0.0) <= 0.0) return;
  const c10::AutoGradMode no_grad(false);
  std::vector<at::Tensor> gradients;
  for (const auto& group : optimizer.param_groups())
    for (const auto& parameter : group.params())
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  if (gradients.empty()) return;
  if (kind == "value") {
    at::_foreach_clamp_min_(gradients, -*value);
    at::_foreach_clamp_max_(gradients, *value);
    return;
  }
  const at::Tensor total = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)), 2);
  // torch.nn.utils.clip_grad_norm_'s coefficient; never above one.
  at::_foreach_mul_(gradients, (*value / (total + 1e-6)).clamp_max(1.0));
}

}  // namespace levin
