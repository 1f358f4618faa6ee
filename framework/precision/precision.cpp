#include "levin/framework/precision/precision.h"

#include "levin/framework/optim/optimizer.h"

namespace levin {

Precision::~Precision() = default;

at::Tensor Precision::optimizer_step(optim::Optimizer& optimizer, const Closure& closure) { return optimizer.step(closure); }

}  // namespace levin
