// Time per step with DDP on the CPU: `bench_ddp [model=wide|tiny] [devices=2] [steps=N] [bucket_cap_mb=25]`, or under torchrun or levin-run.
// `bench_ddp.py` beside it runs Python's DDP with the same numbers in turn.
#include <ATen/ATen.h>
#include <torch/nn/functional/activation.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "levin/framework/cli/cli.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/sgd.h"
#include "levin/framework/strategies/ddp_strategy.h"
#include "levin/framework/trainer/trainer.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Shape {
  std::int64_t in, hidden, layers, out, batch;
};
/// wide: 25.2 million parameters in 6 layers. tiny: two layers of 64.
Shape shape_of(const std::string& model) { return model == "tiny" ? Shape{64, 64, 1, 10, 32} : Shape{2048, 2048, 5, 2048, 16}; }

class Mlp final : public levin::LightningModule {
 public:
  explicit Mlp(const Shape& shape) {
    std::int64_t in = shape.in;
    for (std::int64_t i = 0; i <= shape.layers; ++i) {
      const std::int64_t out = i < shape.layers ? shape.hidden : shape.out;
      layers_.push_back(register_module("layer" + std::to_string(i), torch::nn::Linear(in, out)));
      in = out;
    }
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    at::Tensor x = batch[0].tensor();
    for (std::size_t i = 0; i < layers_.size(); ++i) x = i + 1 < layers_.size() ? at::relu(layers_[i](x)) : layers_[i](x);
    return torch::nn::functional::mse_loss(x, batch[1].tensor());
  }
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { ends.push_back(Clock::now()); }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 1e-3}); }

  std::vector<Clock::time_point> ends;

 private:
  std::vector<torch::nn::Linear> layers_;
};

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> given{{"model", "wide"}, {"steps", "30"}, {"bucket_cap_mb", "25"}, {"devices", "2"}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    given[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  }
  return levin::run([&] {
    const Shape shape = shape_of(given["model"]);
    const std::int64_t steps = std::stoll(given["steps"]), warm_up = std::min<std::int64_t>(steps / 3, 50);
    levin::Trainer trainer({.strategy = levin::make<levin::DDPStrategy>({.bucket_cap_mb = std::stod(given["bucket_cap_mb"])}),
                            .devices = std::stoll(given["devices"]), .logger = false, .max_steps = steps, .enable_checkpointing = false,
                            .enable_progress_bar = false, .enable_model_summary = false});
    Mlp module(shape);
    const std::int64_t rows = shape.batch * trainer.world_size() * std::min<std::int64_t>(steps, 64);
    trainer.fit(module, {.train = levin::DataLoader(levin::TensorDataset({at::randn({rows, shape.in}), at::randn({rows, shape.out})}), {.batch_size = shape.batch})});
    std::vector<double> times;
    for (std::size_t i = static_cast<std::size_t>(warm_up) + 1; i < module.ends.size(); ++i)
      times.push_back(std::chrono::duration<double, std::milli>(module.ends[i] - module.ends[i - 1]).count());
    std::sort(times.begin(), times.end());
    if (trainer.is_global_zero()) std::printf("%.4f\n", times[times.size() / 2]);
  });
}
