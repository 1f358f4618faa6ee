#pragma once
// What the tests of training on a GPU train, and what they look at.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include "levin/callbacks/lambda_callback.h"
#include "levin/framework/base/console.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/formula_lr.h"
#include "support/catch.h"
#include "support/tiny_module.h"
#include "gpu.h"

/// A small network with all that could go its own way in a recorded step: convolutions, batch normalization, dropout, Adam's counters, a
/// rate that changes, clipping.
class Net : public levin::LightningModule {
 public:
  Net() {
    conv = register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 8, 3).padding(1)));
    norm = register_module("norm", torch::nn::BatchNorm2d(8));
    drop = register_module("drop", torch::nn::Dropout(0.3));
    head = register_module("head", torch::nn::Linear(8 * 64, 10));
  }
  at::Tensor loss(const levin::Batch& batch) {
    const at::Tensor x = at::relu(norm->forward(conv->forward(batch[0].tensor().view({-1, 1, 8, 8})))).flatten(1);
    return at::cross_entropy_loss(head->forward(drop->forward(x)), batch[1].tensor());
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    ++steps;
    const at::Tensor value = loss(batch);
    log("loss", value, {.on_step = true, .on_epoch = true});
    within_step(value);
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    log("val_loss", loss(batch));
    return {};
  }
  levin::OptimizerConfig configure_optimizers() override {
    auto optimizer = levin::optim::adamw(parameters(), {.lr = 1e-3});
    auto scheduler = levin::optim::step_lr(optimizer, {.step_size = 3, .gamma = 0.7});
    return levin::OptimizerWithScheduler{.optimizer = optimizer, .lr_scheduler = levin::LRSchedulerConfig{.scheduler = scheduler, .interval = "step"}};
  }
  virtual void within_step(const at::Tensor&) {}

  torch::nn::Conv2d conv{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Dropout drop{nullptr};
  torch::nn::Linear head{nullptr};
  int steps = 0;
};

inline levin::DataLoader digits(std::int64_t batches) {
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(5);
  const std::int64_t rows = batches * 16;
  return levin::DataLoader(levin::TensorDataset({at::rand({rows, 64}, generator), at::randint(10, {rows}, generator)}), {.batch_size = 16, .shuffle = true});
}

struct Outcome {
  std::vector<double> losses;
  std::vector<at::Tensor> weights;
  std::vector<std::string> said;
  int steps = 0;
};

inline std::vector<at::Tensor> on_cpu(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& tensor : tensors) out.push_back(tensor.detach().cpu().clone());
  return out;
}

inline bool equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = at::equal(a[i], b[i]);
  return same;
}

template <class M = Net>
Outcome fit(levin::TrainerOptions options, levin::FitArguments arguments) {
  gpu();
  at::globalContext().setDeterministicCuDNN(true);  // or cuDNN itself gives other bits each time
  levin::seed_everything(7);
  Outcome out;
  const levin::CapturedMessages messages;
  M module;
  levin::LambdaCallbackOptions seen;
  seen.on_train_batch_end = [&](levin::Trainer&, levin::LightningModule&, const levin::StepOutput& output, const levin::Batch&, std::int64_t) {
    out.losses.push_back(output.loss().item<double>());
  };
  options.callbacks.push_back(std::make_shared<levin::LambdaCallback>(seen));
  if (options.accelerator == "auto") options.accelerator = "gpu";
  if (options.devices == levin::Devices("auto")) options.devices = 1;
  levin::Trainer trainer(quiet(std::move(options)));
  trainer.fit(module, std::move(arguments));
  out.weights = on_cpu(module.parameters());
  out.said = messages.infos();
  out.steps = module.steps;
  return out;
}
