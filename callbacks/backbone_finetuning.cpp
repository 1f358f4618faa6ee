#include "levin/callbacks/backbone_finetuning.h"

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

torch::nn::Module& backbone_of(const LightningModule& module) {
  for (const auto& child : module.named_children())
    if (child.key() == "backbone") return *child.value();
  throw MisconfigurationException("The LightningModule should have a nn.Module `backbone` attribute");
}

}  // namespace

BackboneFinetuning::BackboneFinetuning(Options options) : options_(std::move(options)) {
  if (!options_.lambda_func) options_.lambda_func = [](std::int64_t) { return 2.0; };
}

void BackboneFinetuning::freeze_before_training(LightningModule& module) { freeze(backbone_of(module)); }

void BackboneFinetuning::finetune_function(LightningModule& module, std::int64_t epoch, optim::Optimizer& optimizer) {
  if (epoch < options_.unfreeze_backbone_at_epoch) return;
  const double model_lr = optimizer.lr(0);
  if (epoch == options_.unfreeze_backbone_at_epoch) {
    previous_backbone_lr_ = options_.backbone_initial_lr.value_or(model_lr * options_.backbone_initial_ratio_lr);
    unfreeze_and_add_param_group(backbone_of(module), optimizer, *previous_backbone_lr_, options_.initial_denom_lr, options_.train_bn);
  } else {
    if (!previous_backbone_lr_) {
      throw RuntimeError("BackboneFinetuning: epoch " + std::to_string(epoch) + " begins, but the backbone was to be unfrozen at epoch " +
                         std::to_string(options_.unfreeze_backbone_at_epoch) + " and was not; resume with the callback's state, or set " +
                         "`unfreeze_backbone_at_epoch` to an epoch to come");
    }
    double lr = options_.lambda_func(epoch + 1) * *previous_backbone_lr_;
    if (options_.should_align && lr > model_lr) lr = model_lr;
    optimizer.set_lr(optimizer.group_count() - 1, lr);
    previous_backbone_lr_ = lr;
  }
  if (options_.verbose) say(model_lr, *previous_backbone_lr_);
}

void BackboneFinetuning::say(double model_lr, double backbone_lr) const {
  std::string spec = ".";
  spec.append(std::to_string(options_.rounding)).append("f");
  const auto rounded = [&](double lr) { return python_repr(std::stod(python_format(lr, spec))); };
  rank_zero_info("Current lr: " + rounded(model_lr) + ", Backbone lr: " + rounded(backbone_lr));
}

Value BackboneFinetuning::state_dict() const {
  Value state = BaseFinetuning::state_dict();
  state["previous_backbone_lr"] = previous_backbone_lr_ ? Value(*previous_backbone_lr_) : Value();
  return state;
}

void BackboneFinetuning::load_state_dict(const Value& state) {
  const Value& lr = state.at("previous_backbone_lr");
  previous_backbone_lr_ = lr.is_none() ? std::nullopt : std::optional(lr.number());
  BaseFinetuning::load_state_dict(state);
}

}  // namespace levin
