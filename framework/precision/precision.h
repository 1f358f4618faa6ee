#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/module/batch.h"
#include "levin/framework/module/trainer_link.h"

namespace levin {

class GradScaler;
namespace optim {
class Optimizer;
}

/// How numbers are represented: what happens to inputs, around a forward pass, at backward and at the optimizer's step.
/// This base is "32-true": nothing.
class LEVIN_API Precision {
 public:
  virtual ~Precision();
  /// Lightning's string, "32-true".
  virtual std::string name() const { return "32-true"; }
  virtual Batch convert_input(Batch batch) { return batch; }
  /// Whatever must be in force during a step, as an object to destroy after it; null: nothing.
  virtual std::shared_ptr<void> forward_context() { return nullptr; }
  /// What `Trainer::init_module` puts in force while layers are made (their type), as such an object.
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
};

}  // namespace levin
