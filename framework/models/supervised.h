#pragma once
#include <string>

#include "levin/framework/module/lightning_module.h"

namespace levin {

/// A model that maps inputs to targets: batches are [inputs, targets]. Subclasses give `forward` and their layers; the steps are here.
///
/// Logs `train_loss`, `val_loss`, `test_loss`, and for classes `val_acc` and `test_acc`; predicts class probabilities, or the outputs.
/// Trains with AdamW, unless the configuration names an optimizer.
class LEVIN_API SupervisedModule : public LightningModule {
 public:
  enum class Task : std::uint8_t { classification, regression };
  SupervisedModule(Task task, double lr, double weight_decay) : task_(task), lr_(lr), weight_decay_(weight_decay) {}

  /// Scores per class, [n, classes], or values, [n, outputs].
  virtual at::Tensor forward(const at::Tensor& inputs) = 0;
  StepOutput training_step(const Batch& batch, std::int64_t batch_idx) override;
  StepOutput validation_step(const Batch& batch, std::int64_t batch_idx) override;
  StepOutput test_step(const Batch& batch, std::int64_t batch_idx) override;
  StepOutput predict_step(const Batch& batch, std::int64_t batch_idx) override;
  OptimizerConfig configure_optimizers() override;

 private:
  at::Tensor loss(const at::Tensor& outputs, const at::Tensor& targets) const;
  void evaluate(const Batch& batch, const char* loss_name, const char* accuracy_name);
  Task task_;
  double lr_, weight_decay_;
};

}  // namespace levin
