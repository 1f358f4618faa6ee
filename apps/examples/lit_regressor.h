#pragma once
// The model and data that the checkpoint examples share: a linear regression on random numbers.
#include <levin/levin.h>
#include <torch/torch.h>

#include <filesystem>
#include <iostream>
#include <set>

class LitRegressor final : public levin::LightningModule {
 public:
  LitRegressor() : layer_(register_module("layer", torch::nn::Linear(10, 1))) {}

  torch::Tensor loss(const levin::Batch& batch) { return torch::nn::functional::mse_loss(layer_(batch[0]), batch[1]); }

  levin::StepOutput training_step(const levin::Batch& batch, int64_t) override {
    const auto value = loss(batch);
    log("train_loss", value);
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, int64_t) override {
    log("val_loss", loss(batch), {.prog_bar = true});
    return {};
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::adam(parameters(), {.lr = 1e-2}); }

 private:
  torch::nn::Linear layer_;
};

/// `rows` random samples in batches of 10.
inline levin::DataLoader regression_data(int64_t rows, bool shuffle) {
  const auto x = torch::randn({rows, 10});
  return levin::DataLoader(levin::TensorDataset({x, x.sum(1, /*keepdim=*/true)}), {.batch_size = 10, .shuffle = shuffle});
}

/// Trains with one ModelCheckpoint and prints which files are there at the end.
inline void train_and_list(levin::ModelCheckpointOptions checkpoint, int64_t epochs) {
  levin::seed_everything(1);
  std::filesystem::remove_all(*checkpoint.dirpath);
  LitRegressor model;
  levin::Trainer trainer({.logger = false,
                          .callbacks = {levin::make<levin::ModelCheckpoint>(checkpoint)},
                          .max_epochs = epochs,
                          .enable_progress_bar = false,
                          .enable_model_summary = false});
  trainer.fit(model, {.train = regression_data(100, true), .val = regression_data(50, false)});

  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(*checkpoint.dirpath)) files.insert(entry.path().filename());
  std::cout << "files in " << *checkpoint.dirpath << ":\n";
  for (const auto& name : files) std::cout << "  " << name << "\n";
}
