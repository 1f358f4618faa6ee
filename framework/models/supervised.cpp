#include "levin/framework/models/supervised.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/mse_loss.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/adam.h"

namespace levin {

at::Tensor SupervisedModule::loss(const at::Tensor& outputs, const at::Tensor& targets) const {
  if (task_ == Task::classification) return at::cross_entropy_loss(outputs, targets);
  // Targets of one column may come without its dimension.
  const at::Tensor values = targets.dim() + 1 == outputs.dim() ? targets.unsqueeze(-1) : targets;
  return at::mse_loss(outputs, values.to(outputs.scalar_type()));
}

StepOutput SupervisedModule::training_step(const Batch& batch, std::int64_t) {
  const at::Tensor value = loss(forward(batch[0]), batch[1]);
  log("train_loss", value, {.prog_bar = true});
  return value;
}

void SupervisedModule::evaluate(const Batch& batch, const char* loss_name, const char* accuracy_name) {
  const at::Tensor outputs = forward(batch[0]);
  log(loss_name, loss(outputs, batch[1]), {.prog_bar = true});
  if (task_ == Task::classification)
    log(accuracy_name, outputs.argmax(1).eq(batch[1].tensor()).to(at::kFloat).mean(), {.prog_bar = true});
}

StepOutput SupervisedModule::validation_step(const Batch& batch, std::int64_t) {
  evaluate(batch, "val_loss", "val_acc");
  return {};
}
StepOutput SupervisedModule::test_step(const Batch& batch, std::int64_t) {
  evaluate(batch, "test_loss", "test_acc");
  return {};
}
StepOutput SupervisedModule::predict_step(const Batch& batch, std::int64_t) {
  const at::Tensor outputs = forward(batch[0]);
  return task_ == Task::classification ? outputs.softmax(1) : outputs;
}

OptimizerConfig SupervisedModule::configure_optimizers() { return optim::adamw(parameters(), {.lr = lr_, .weight_decay = weight_decay_}); }

}  // namespace levin
