#pragma once

namespace levin {

// Where Lightning decides by "is it overridden", and the hooks within a step, which a recorded step can't call.
#define LEVIN_OVERRIDABLE(X)                                                                                         \
  X(training_step) X(validation_step) X(test_step) X(predict_step) X(configure_optimizers) X(train_dataloader)       \
  X(val_dataloader) X(test_dataloader) X(predict_dataloader) X(on_validation_model_train) X(on_test_model_train)     \
  X(lr_scheduler_step) X(state_dict) X(on_train_batch_end)                                                           \
  X(on_before_zero_grad) X(optimizer_zero_grad) X(on_before_backward) X(backward) X(on_after_backward)               \
  X(on_before_optimizer_step) X(optimizer_step) X(configure_gradient_clipping)

/// Recorded by the templates `fit<M>`, `make<M>` and `LEVIN_REGISTER`. Where a module's type is unknown or a member inaccessible
/// it counts as overridden, and the base's own step then throws Lightning's sentence.
struct Overrides {
#define LEVIN_OVERRIDE_MEMBER(name) bool name = true;
  LEVIN_OVERRIDABLE(LEVIN_OVERRIDE_MEMBER)
#undef LEVIN_OVERRIDE_MEMBER
};

}  // namespace levin
