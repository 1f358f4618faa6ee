#include "levin/framework/module/lightning_optimizer.h"

#include "levin/framework/base/errors.h"

namespace levin {

LightningOptimizer::~LightningOptimizer() = default;

LightningOptimizer& LightningOptimizers::operator[](std::size_t index) const {
  if (index < items_.size()) return *items_[index];
  throw ValueError("optimizers()[" + std::to_string(index) + "]: `configure_optimizers` returned " + std::to_string(items_.size()) +
                   " of them, counted from 0");
}

LightningOptimizers::operator LightningOptimizer&() const {
  if (items_.size() == 1) return *items_.front();
  throw RuntimeError("`LightningOptimizer& opt = optimizers();` is for exactly one optimizer, and `configure_optimizers` returned " +
                     std::to_string(items_.size()) + "; say which one: `optimizers()[0]`");
}

}  // namespace levin
