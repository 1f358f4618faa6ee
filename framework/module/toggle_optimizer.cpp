// Parameters that take no part in one optimizer's step: for manual optimization with several optimizers.
#include "levin/framework/base/errors.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/module/trainer_link.h"

namespace levin {
namespace {

template <class F>
void for_each_parameter(optim::Optimizer& optimizer, F&& f) {
  for (auto& group : optimizer.param_groups())
    for (at::Tensor& parameter : group.params()) f(parameter, static_cast<const void*>(parameter.unsafeGetTensorImpl()));
}

}  // namespace

void LightningModule::toggle_optimizer(optim::Optimizer& optimizer) {
  trainer();
  // A parameter may belong to several optimizers: what counts is how it was before the first of them.
  std::unordered_map<const void*, bool> required;
  for (const auto& one : link_->optimizers()) {
    for_each_parameter(*one, [&](at::Tensor& parameter, const void* key) {
      if (required.emplace(key, parameter.requires_grad()).second) parameter.set_requires_grad(false);
    });
  }
  for_each_parameter(optimizer, [&](at::Tensor& parameter, const void* key) {
    const auto found = required.find(key);
    if (found == required.end()) throw KeyError("toggle_optimizer: a parameter of this optimizer is in none of the Trainer's optimizers");
    parameter.set_requires_grad(found->second);
  });
  required_before_toggle_ = std::move(required);
}

void LightningModule::untoggle_optimizer(optim::Optimizer& optimizer) {
  trainer();
  for (const auto& one : link_->optimizers()) {
    if (one.get() == &optimizer) continue;
    for_each_parameter(*one, [&](at::Tensor& parameter, const void* key) {
      const auto found = required_before_toggle_.find(key);
      if (found != required_before_toggle_.end()) parameter.set_requires_grad(found->second);
    });
  }
  required_before_toggle_.clear();
}

std::shared_ptr<void> LightningModule::toggled_optimizer(optim::Optimizer& optimizer) {
  toggle_optimizer(optimizer);
  return {&optimizer, [this](optim::Optimizer* toggled) {
            if (link_) untoggle_optimizer(*toggled);
          }};
}

}  // namespace levin
