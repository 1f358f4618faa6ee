// Trains a linear regression on random numbers and prints how far the loss came down.
#include <levin/levin.h>
#include <torch/torch.h>

#include <iostream>

class LitRegressor final : public levin::LightningModule {
 public:
  LitRegressor() : layer_(register_module("layer", torch::nn::Linear(8, 1))) {}

  torch::Tensor loss(const levin::Batch& batch) { return torch::mse_loss(layer_(batch[0]), batch[1]); }

  levin::StepOutput training_step(const levin::Batch& batch, int64_t) override {
    const auto value = loss(batch);
    log("train_loss", value);
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, int64_t) override {
    log("val_loss", loss(batch));
    return {};
  }
  levin::OptimizerConfig configure_optimizers() override {
    return levin::optim::adamw(parameters(), {.lr = 1e-2});
  }

 private:
  torch::nn::Linear layer_;
};

int main() {
  return levin::run([] {
    levin::seed_everything(1);
    const auto x = torch::randn({256, 8});
    const levin::TensorDataset data({x, x.sum(1, /*keepdim=*/true)});
    LitRegressor model;
    const double before = model.loss({data.tensors()[0], data.tensors()[1]}).item<double>();
    levin::Trainer trainer({.logger = false, .max_epochs = 20, .enable_checkpointing = false});
    trainer.fit(model, {.train = levin::DataLoader(data, {.batch_size = 32, .shuffle = true}),
                        .val = levin::DataLoader(data, {.batch_size = 32})});
    const double after = trainer.callback_metrics().at("val_loss");
    std::cout << "train: " << trainer.global_step() << " steps, loss "
              << (after < 0.5 * before ? "halved" : "not halved") << "\n";
  });
}
