#pragma once
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/optimizer.h"

/// The momentum that OneCycleLR and CyclicLR move: SGD's, or the first of Adam's betas.
namespace levin::optim {

inline bool cycles_beta1(const Optimizer& optimizer) { return optimizer.group_count() > 0 && optimizer.betas(0).has_value(); }

inline void check_cycles_momentum(const Optimizer& optimizer) {
  if (!cycles_beta1(optimizer) && !optimizer.momentum(0))
    throw ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled");
}

inline void set_cycled_momentum(Optimizer& optimizer, std::size_t group, double momentum, bool beta1) {
  if (beta1) optimizer.set_betas(group, {momentum, optimizer.betas(group)->at(1)});
  else optimizer.set_momentum(group, momentum);
}

}  // namespace levin::optim
