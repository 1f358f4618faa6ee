// Time per training step on a GPU: `gpu_steps mlp|cnn graph|eager STEPS [stats]` prints a line of JSON with the microseconds per step and the
// losses. `compare.py steps` runs it beside Python's Lightning. With `stats` also the names of the device's memory statistics.
#include <ATen/ATen.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/trainer/trainer.h"
#include "gpu.h"

namespace {

using Clock = std::chrono::steady_clock;

/// Counts steps, and the time of those after the first hundred.
class Timed : public levin::LightningModule {
 public:
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor loss = at::cross_entropy_loss(forward(batch[0]), batch[1].tensor());
    log("train_loss", loss);
    return loss;
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::adam(parameters(), {.lr = 1e-3}); }
  void on_train_batch_end(const levin::StepOutput& output, const levin::Batch&, std::int64_t) override {
    losses.push_back(output.loss());
    if (++done != skipped && done != wanted) return;
    gpu().synchronize(device());
    (done == skipped ? begin : end) = Clock::now();
  }
  virtual at::Tensor forward(const at::Tensor& x) = 0;

  static constexpr std::int64_t skipped = 100;
  std::int64_t wanted = 0, done = 0;
  Clock::time_point begin, end;
  std::vector<at::Tensor> losses;
};

struct Mlp final : Timed {
  Mlp() {
    first = register_module("first", torch::nn::Linear(64, 64));
    second = register_module("second", torch::nn::Linear(64, 10));
  }
  at::Tensor forward(const at::Tensor& x) override { return second->forward(at::relu(first->forward(x))); }
  torch::nn::Linear first{nullptr}, second{nullptr};
};

/// For images of 8 x 8, such as scikit-learn's digits.
struct Cnn final : Timed {
  Cnn() {
    first = register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 16, 3).padding(1)));
    second = register_module("second", torch::nn::Conv2d(torch::nn::Conv2dOptions(16, 32, 3).padding(1)));
    hidden = register_module("hidden", torch::nn::Linear(32 * 16, 64));
    head = register_module("head", torch::nn::Linear(64, 10));
  }
  at::Tensor forward(const at::Tensor& x) override {
    const at::Tensor image = at::relu(first->forward(x.view({-1, 1, 8, 8})));
    const at::Tensor features = at::max_pool2d(at::relu(second->forward(image)), 2).flatten(1);
    return head->forward(at::relu(hidden->forward(features)));
  }
  torch::nn::Conv2d first{nullptr}, second{nullptr};
  torch::nn::Linear hidden{nullptr}, head{nullptr};
};

template <class M>
void measure(bool graph, std::int64_t steps, bool stats) {
  levin::seed_everything(1);
  at::globalContext().setDeterministicCuDNN(true);  // of two algorithms that give other bits, recorded and run steps take the same
  M module;
  module.wanted = steps;
  const std::int64_t rows = 64 * 32;
  const at::Tensor x = at::rand({rows, 64}), y = at::randint(10, {rows}, at::kLong);
  levin::Trainer trainer({.accelerator = "gpu", .devices = 1, .logger = false, .max_steps = steps, .enable_checkpointing = false,
                          .enable_progress_bar = false, .enable_model_summary = false, .cuda_graph = graph});
  trainer.fit(module, {.train = levin::DataLoader(levin::TensorDataset({x, y}), {.batch_size = 32})});
  const double micros = std::chrono::duration<double, std::micro>(module.end - module.begin).count() / static_cast<double>(steps - M::skipped);
  std::printf("{\"us_per_step\": %.3f, \"losses\": [", micros);
  const at::Tensor losses = at::stack(module.losses).cpu();
  for (std::int64_t i = 0; i < losses.numel(); ++i) std::printf("%s%.9g", i ? ", " : "", losses[i].item<double>());
  std::printf("]");
  if (stats) {
    std::printf(", \"stats\": [");
    bool first = true;
    for (const auto& [name, value] : gpu().memory_stats(at::Device(at::kCUDA, 0))) std::printf("%s\"%s\"", std::exchange(first, false) ? "" : ", ", name.c_str());
    std::printf("]");
  }
  std::printf("}\n");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) throw std::invalid_argument("gpu_steps mlp|cnn graph|eager STEPS [stats]");
  gpu();
  const std::string model = argv[1];
  const std::int64_t steps = std::atoll(argv[3]);
  if (steps <= Timed::skipped) throw std::invalid_argument("STEPS must be above " + std::to_string(Timed::skipped));
  (model == "mlp" ? measure<Mlp> : measure<Cnn>)(std::string(argv[2]) == "graph", steps, argc > 4);
} catch (const std::exception& error) {
  std::fprintf(stderr, "gpu_steps: %s\n", error.what());
  return 1;
}
