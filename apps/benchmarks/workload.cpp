#include "workload.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/relu.h>
#include <torch/nn/modules/linear.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/data/csv.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/models/conv_classifier.h"
#include "levin/framework/models/gpt.h"
#include "levin/framework/models/resnet.h"

namespace bench {
namespace {

class Mlp final : public Net {
 public:
  Mlp() : hidden_(register_module("hidden", torch::nn::Linear(10, 32))), head_(register_module("head", torch::nn::Linear(32, 1))) {}
  at::Tensor loss(const at::Tensor& x, const at::Tensor& y) override { return at::mse_loss(head_(at::relu(hidden_(x))), y); }

 private:
  torch::nn::Linear hidden_, head_;
};

// A model of the library, for its layers only.
template <class Model>
class ScoresNet final : public Net {
 public:
  explicit ScoresNet(const typename Model::Options& options) : model_(register_module("model", std::make_shared<Model>(options))) {}
  at::Tensor loss(const at::Tensor& x, const at::Tensor& y) override {
    const at::Tensor scores = model_->forward(x);
    return at::cross_entropy_loss(scores.view({-1, scores.size(-1)}), y.reshape({-1}));
  }

 private:
  std::shared_ptr<Model> model_;
};

Workload tiny() {
  const at::Tensor x = at::randn({1100, 10}), y = x.sum(1, /*keepdim=*/true);
  return {.net = std::make_shared<Mlp>(), .train = {x.slice(0, 0, 1000), y.slice(0, 0, 1000)}, .val = {x.slice(0, 1000), y.slice(0, 1000)},
          .batch_size = 10, .epochs = 50};
}

Workload digits() {
  const levin::CsvData data = levin::read_csv("data/digits.csv", {.target = "digit", .scale = 1.0 / 16});
  const at::Tensor x = data.features.view({-1, 1, 8, 8}), y = data.target;
  return {.net = std::make_shared<ScoresNet<levin::ConvClassifier>>(levin::ConvClassifierOptions{.channels = {16, 32}, .hidden = 64, .dropout = 0.1}),
          .train = {x.slice(0, 0, 1408), y.slice(0, 0, 1408)}, .val = {x.slice(0, 1408), y.slice(0, 1408)},
          .batch_size = 64, .epochs = 15, .lr = 3e-3, .weight_decay = 1e-2, .log_every_n_steps = 10};
}

Workload resnet18() {
  const at::Tensor x = at::randn({144, 3, 32, 32}), y = at::randint(10, {144}, at::kLong);
  return {.net = std::make_shared<ScoresNet<levin::ResNet>>(levin::ResNetOptions{}),
          .train = {x.slice(0, 0, 128), y.slice(0, 0, 128)}, .val = {x.slice(0, 128), y.slice(0, 128)},
          .batch_size = 16, .epochs = 1, .weight_decay = 5e-2, .log_every_n_steps = 1};
}

Workload gpt() {
  const at::Tensor x = at::randint(256, {72, 128}, at::kLong), y = at::randint(256, {72, 128}, at::kLong);
  return {.net = std::make_shared<ScoresNet<levin::GPT>>(levin::GPTOptions{.bias = true}),
          .train = {x.slice(0, 0, 64), y.slice(0, 0, 64)}, .val = {x.slice(0, 64), y.slice(0, 64)},
          .batch_size = 8, .epochs = 1, .weight_decay = 0.1, .log_every_n_steps = 1};
}

}  // namespace

Workload make_workload(const std::string& name, std::int64_t epochs) {
  levin::seed_everything(1);
  Workload made = name == "tiny"       ? tiny()
                  : name == "digits"   ? digits()
                  : name == "resnet18" ? resnet18()
                  : name == "gpt"      ? gpt()
                                       : throw levin::ValueError("no model '" + name + "'; there are tiny, digits, resnet18 and gpt");
  if (epochs > 0) made.epochs = epochs;
  return made;
}

}  // namespace bench
