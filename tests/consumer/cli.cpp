// A program with a module of its own and the whole command line.
#include <levin/levin.h>
#include <torch/torch.h>

struct LitRegressorOptions {
  double lr = 0.05;
  int64_t features = 4;
};
template <class V>
void fields(V&& f, LitRegressorOptions& o) {
  f("lr", o.lr, "learning rate");
  f("features", o.features, "numbers per sample");
}

class LitRegressor final : public levin::LightningModule {
 public:
  using Options = LitRegressorOptions;
  explicit LitRegressor(const Options& options = {}) : options_(options), layer_(register_module("layer", torch::nn::Linear(options.features, 1))) {
    save_hyperparameters(options_);
  }
  levin::StepOutput training_step(const levin::Batch& batch, int64_t) override {
    auto loss = torch::mse_loss(layer_(batch[0]), batch[1]);
    log("train_loss", loss, {.on_epoch = true});
    return loss;
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = options_.lr}); }
  levin::Loaders train_dataloader() override {
    auto x = torch::randn({64, options_.features});
    return levin::DataLoader(levin::TensorDataset({x, x.sum(1, true)}), {.batch_size = 16});
  }

 private:
  Options options_;
  torch::nn::Linear layer_;
};

int main(int argc, char** argv) { return levin::cli<LitRegressor>(argc, argv); }
