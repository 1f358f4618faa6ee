#pragma once
#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// One of LibTorch's own optimizers as one of levin's: for the Trainer, schedulers, and a state in Python's layout. It is the same
/// object: steps are its own, and a rate that is set on either is the other's. Known are `torch::optim`'s Adagrad, Adam, AdamW, LBFGS,
/// RMSprop and SGD; the optimizers of this folder are faster. One that is levin's already is returned as it is. TypeError for any other,
/// naming what to implement.
///
///     const auto adam = optim::adapt(std::make_shared<torch::optim::Adam>(parameters(), torch::optim::AdamOptions(1e-3)));
///     return OptimizerWithScheduler{.optimizer = adam, .lr_scheduler = ...step_lr(adam, {.step_size = 1})...};
LEVIN_API std::shared_ptr<Optimizer> adapt(std::shared_ptr<torch::optim::Optimizer> optimizer);

}  // namespace levin::optim
