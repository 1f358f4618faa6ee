#include "levin/framework/precision/precision.h"

#include "levin/framework/optim/optimizer.h"

namespace levin {

Precision::~Precision() = default;

at::Tensor Precision::optimizer_step(optim::Optimizer& optimizer, const Closure& closure, const std::function<void()>& gradients_ready) {
  return optimizer.step([&] {
    const at::Tensor loss = closure ? closure() : at::Tensor();
    gradients_ready();
    return loss;
  });
}

}  // namespace levin
