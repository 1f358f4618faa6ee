// Trains the network of test_precision.py. A line of the input is a run: precision, optimizer, epochs, the scaler's growth interval, the
// checkpoint to go on from and the one to write ("-": none). A line of the output is what came of it.
#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <set>
#include <sstream>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/optimizers.h"
#include "levin/framework/precision/mixed_precision.h"
#include "levin/framework/trainer/trainer.h"

namespace {

using levin::Value;

const std::set<std::int64_t> overflows{3, 4, 50, 51, 52, 120};

at::Tensor pattern(std::vector<std::int64_t> sizes, std::int64_t step, std::int64_t modulus, double divisor) {
  at::Tensor out = at::empty(sizes);
  float* data = out.data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i)
    data[i] = static_cast<float>(static_cast<double>((step * i * i + 3 * i) % modulus - modulus / 2) / divisor);
  return out;
}

class Net final : public levin::LightningModule {
 public:
  explicit Net(std::string optimizer) : optimizer_(std::move(optimizer)) {
    const at::NoGradGuard no_grad;
    layers_[0]->weight.copy_(pattern({64, 16}, 5, 13, 32));
    layers_[1]->weight.copy_(pattern({64, 64}, 7, 17, 64));
    layers_[2]->weight.copy_(pattern({1, 64}, 3, 11, 32));
    for (const auto& layer : layers_) layer->bias.zero_();
  }

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor y = layers_[2](layers_[1](layers_[0](batch[0].tensor()).relu()).relu());
    const at::Tensor loss = at::mse_loss(y, batch[1].tensor());
    log("train_loss", loss);
    losses.push_back(loss.item<double>());
    return loss;
  }
  void on_after_backward() override {
    if (trainer().scaler() && overflows.contains(global_step())) layers_[1]->weight.grad()[0][0] = INFINITY;
  }
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override {
    scales.push_back(trainer().scaler() ? trainer().scaler()->get_scale() : 1.0);
  }
  levin::OptimizerConfig configure_optimizers() override {
    if (optimizer_ == "adam") return levin::optim::adam(parameters(), {.lr = 0.002});
    return levin::optim::sgd(parameters(), {.lr = 0.01, .momentum = 0.9});
  }

  std::vector<double> losses, scales;

 private:
  std::string optimizer_;
  torch::nn::Linear layers_[3]{register_module("first", torch::nn::Linear(16, 64)), register_module("second", torch::nn::Linear(64, 64)),
                               register_module("third", torch::nn::Linear(64, 1))};
};

Value numbers(const std::vector<double>& values) { return Value::list({values.begin(), values.end()}); }

Value train(const std::string& precision, const std::string& optimizer, std::int64_t epochs, std::int64_t growth_interval, const std::string& from,
            const std::string& to) {
  Net net(optimizer);
  levin::TrainerOptions options{.logger = false, .max_epochs = epochs, .enable_checkpointing = false, .enable_progress_bar = false,
                                .enable_model_summary = false, .gradient_clip_val = 1.0};
  if (precision == "16-mixed") {
    const auto scaler = std::make_shared<levin::GradScaler>(levin::GradScalerOptions{.growth_interval = growth_interval});
    options.plugins = {std::make_shared<levin::MixedPrecision>("16-mixed", "cpu", scaler)};
  } else {
    options.precision = precision;
  }
  levin::Trainer trainer(options);
  const at::Tensor x = pattern({640, 16}, 4, 23, 8);
  const levin::DataLoader loader(levin::TensorDataset({x, x.sum(1, /*keepdim=*/true) / 8}), {.batch_size = 32});
  trainer.fit(net, {.train = loader, .ckpt_path = from == "-" ? std::nullopt : std::optional(from)});
  if (to != "-") trainer.save_checkpoint(to);
  return levin::Dict{{"losses", numbers(net.losses)}, {"scales", numbers(net.scales)}};
}

}  // namespace

int main() try {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string precision, optimizer, from, to;
    std::int64_t epochs = 0, growth_interval = 0;
    if (!(words >> precision >> optimizer >> epochs >> growth_interval >> from >> to)) throw levin::ValueError("not a run: " + line);
    std::cout << levin::dump_json(train(precision, optimizer, epochs, growth_interval, from, to), -1) << std::endl;
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
