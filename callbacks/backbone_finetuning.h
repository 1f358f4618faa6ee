#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include "levin/callbacks/base_finetuning.h"

namespace levin {

/// In Lightning's order.
struct BackboneFinetuningOptions {
  std::int64_t unfreeze_backbone_at_epoch = 10;
  std::function<double(std::int64_t epoch)> lambda_func = {};
  double backbone_initial_ratio_lr = 10e-2;
  std::optional<double> backbone_initial_lr = std::nullopt;
  bool should_align = true;
  double initial_denom_lr = 10.0;
  bool train_bn = true;
  bool verbose = false;
  std::int64_t rounding = 12;
};
template <class V>
void fields(V&& f, BackboneFinetuningOptions& o) {
  f("unfreeze_backbone_at_epoch", o.unfreeze_backbone_at_epoch, "the epoch from which on the backbone trains");
  f("lambda_func", o.lambda_func, "what the backbone's learning rate is multiplied by at each later epoch; null: 2");
  f("backbone_initial_ratio_lr", o.backbone_initial_ratio_lr, "its first learning rate as a fraction of the first group's");
  f("backbone_initial_lr", o.backbone_initial_lr, "its first learning rate; null: by the ratio");
  f("should_align", o.should_align, "never above the first group's learning rate");
  f("initial_denom_lr", o.initial_denom_lr, "as in Lightning without influence: the backbone's first rate is always known");
  f("train_bn", o.train_bn, "train its batch normalizations too");
  f("verbose", o.verbose, "say the learning rates at each epoch");
  f("rounding", o.rounding, "digits of the learning rates that are said");
}

/// Keeps the module registered as "backbone" frozen until an epoch, then trains it with a learning rate of its own that grows towards
/// the model's. MisconfigurationException if the model has no backbone.
class LEVIN_API BackboneFinetuning : public BaseFinetuning {
 public:
  using Options = BackboneFinetuningOptions;
  explicit BackboneFinetuning(Options options = {});

  void freeze_before_training(LightningModule& module) override;
  void finetune_function(LightningModule& module, std::int64_t epoch, optim::Optimizer& optimizer) override;
  /// The base's, and "previous_backbone_lr".
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  void say(double model_lr, double backbone_lr) const;

  Options options_;
  std::optional<double> previous_backbone_lr_;
};

}  // namespace levin
