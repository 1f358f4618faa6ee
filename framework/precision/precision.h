#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/module/batch.h"
#include "levin/framework/module/trainer_link.h"
#include "levin/framework/precision/autocast.h"

namespace levin {

class GradScaler;
class LightningModule;
namespace optim {
class Optimizer;
}

/// What is in force while it lives; at first nothing. A plugin of one's own puts any object into the pointer.
using ForwardContext = std::variant<std::shared_ptr<void>, Autocast, DefaultDtype>;

/// How numbers are represented: what happens to the module, to inputs, around a step, at backward and at the optimizer's step.
/// This base is "32-true": nothing. A plugin goes to the Trainer by `precision`, or itself by `plugins`.
class LEVIN_API Precision {
 public:
  virtual ~Precision();
  /// Lightning's string, "32-true".
  virtual std::string name() const { return "32-true"; }
  /// Before every run, when all layers are there; then weights are loaded and optimizers made.
  virtual void convert_module(LightningModule& module) { (void)module; }
  /// Every batch, before the transfer hooks.
  virtual Batch convert_input(Batch batch) { return batch; }
  /// For the time of a `training_step`, `validation_step`, `test_step` or `predict_step`; backward and hooks are outside.
  virtual ForwardContext forward_context() { return {}; }
  /// What `Trainer::init_module` puts in force while layers are made (their type); null: nothing.
  virtual std::shared_ptr<void> tensor_init_context() { return nullptr; }
  /// Null where the loss is not scaled.
  virtual GradScaler* scaler() { return nullptr; }
  /// Called with the loss before backward (a scaler multiplies it).
  virtual at::Tensor scale_loss(const at::Tensor& loss) { return loss; }
  /// The step itself. `closure` computes the gradients (empty: they are there already). `gradients_ready` must be called whenever they
  /// are complete and unscaled: it calls the `on_before_optimizer_step` hooks and clips. An optimizer like LBFGS computes several times.
  virtual at::Tensor optimizer_step(optim::Optimizer& optimizer, const Closure& closure, const std::function<void()>& gradients_ready);
  /// Goes into the checkpoint under the class's name; None or empty: nothing.
  virtual Value state_dict() const { return {}; }
  virtual void load_state_dict(const Value& state) { (void)state; }

  /// The module's, as the loop found it at this step: then a closure without a loss means that there was no backward.
  bool automatic_optimization = true;
};

}  // namespace levin
