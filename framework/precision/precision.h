#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/module/batch.h"
#include "levin/framework/module/trainer_link.h"

namespace levin {

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
  /// Called with the loss before backward (a scaler multiplies it).
  virtual at::Tensor scale_loss(const at::Tensor& loss) { return loss; }
  /// The step itself. The closure computes gradients, calls the hooks and clips.
  virtual at::Tensor optimizer_step(optim::Optimizer& optimizer, const Closure& closure);
  /// Goes into the checkpoint under the class's name; None or empty: nothing.
  virtual Value state_dict() const { return {}; }
  virtual void load_state_dict(const Value& state) { (void)state; }
};

}  // namespace levin
