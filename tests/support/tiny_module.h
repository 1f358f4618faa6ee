#pragma once
// A model with one parameter w of shape [2] and exact arithmetic: loss = mean((sum(x * w) - 1)^2).
#include <ATen/ATen.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>

#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/sgd.h"
#include "levin/framework/trainer/trainer.h"
#include "support/temporary_folder.h"

class TinyModule : public levin::LightningModule {
 public:
  TinyModule() : w(register_parameter("w", at::tensor({0.5f, -0.25f}))) {}
  at::Tensor loss(const levin::Batch& batch) { return ((batch[0].tensor() * w).sum(-1) - 1.0).square().mean(); }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor value = loss(batch);
    log("train_loss", value);
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    log("val_loss", loss(batch));
    return {};
  }
  levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t) override { return (batch[0].tensor() * w).sum(-1); }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 0.125}); }

  at::Tensor w;
};

/// Rows [(i % 5 + 1) / 8, (i % 3 + 1) / 4], one tensor per batch.
inline levin::DataLoader tiny_data(std::int64_t batches, std::int64_t batch_size = 2, bool shuffle = false) {
  const std::int64_t rows = batches * batch_size;
  at::Tensor x = at::empty({rows, 2});
  for (std::int64_t i = 0; i < rows; ++i) {
    x[i][0] = static_cast<double>(i % 5 + 1) / 8;
    x[i][1] = static_cast<double>(i % 3 + 1) / 4;
  }
  return levin::DataLoader(levin::TensorDataset({x}), {.batch_size = batch_size, .shuffle = shuffle});
}

/// A Trainer without bar, summary and logger unless asked for.
inline levin::TrainerOptions quiet(levin::TrainerOptions options) {
  if (options.logger.index() == 0) options.logger = false;
  if (!options.enable_progress_bar) options.enable_progress_bar = false;
  if (!options.enable_model_summary) options.enable_model_summary = false;
  return options;
}
