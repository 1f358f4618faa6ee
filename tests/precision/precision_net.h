#pragma once
// A small regression whose steps note in which types they compute.
#include <ATen/ATen.h>
#include <c10/core/DefaultDtype.h>
#include <torch/nn/modules/linear.h>

#include <map>
#include <string>
#include <vector>

#include "levin/framework/base/console.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/metrics/mean_absolute_error.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/optimizers.h"
#include "levin/framework/trainer/trainer.h"
#include "support/temporary_folder.h"
#include "support/tiny_module.h"

namespace precision_net {

/// The types of a step's parameter, input, layer output, and of a tensor made without one.
using Types = std::vector<at::ScalarType>;

class Net : public levin::LightningModule {
 public:
  Net()
      : first(register_module("first", torch::nn::Linear(4, 32))), second(register_module("second", torch::nn::Linear(32, 1))),
        count(register_buffer("count", at::zeros({}, at::kLong))), mean(register_buffer("mean", at::zeros({32}))),
        error(register_metric("error", std::make_shared<levin::metrics::MeanAbsoluteError>())) {}

  at::Tensor loss(const levin::Batch& batch, const std::string& step) {
    const at::Tensor hidden = first(batch[0].tensor());
    seen[step] = {first->weight.scalar_type(), batch[0].tensor().scalar_type(), hidden.scalar_type(), at::ones({1}).scalar_type()};
    const at::Tensor y = second(hidden.relu() + mean);
    error->update(y.detach().to(at::kFloat), batch[1].tensor().to(at::kFloat));
    return (y - batch[1].tensor()).square().mean();
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor value = loss(batch, "train");
    losses.push_back(value.item<double>());
    log("train_loss", value, {.on_step = true, .on_epoch = true});
    log("train_error", error, {.on_step = false, .on_epoch = true});
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    log("val_loss", loss(batch, "validate"));
    return {};
  }
  levin::StepOutput test_step(const levin::Batch& batch, std::int64_t) override {
    log("test_loss", loss(batch, "test"));
    return {};
  }
  levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t) override { return loss(batch, "predict"); }
  void on_after_backward() override { backward_types = {at::ones({1}).scalar_type()}; }
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override {
    seen["hook"] = {first->weight.scalar_type(), first->weight.scalar_type(), first(at::ones({1, 4}, first->weight.options())).scalar_type(),
                    at::ones({1}).scalar_type()};
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 0.02, .momentum = 0.9}); }

  torch::nn::Linear first, second;
  at::Tensor count, mean;
  std::shared_ptr<levin::metrics::MeanAbsoluteError> error;
  std::map<std::string, Types> seen;
  Types backward_types;
  std::vector<double> losses;
};

/// Rows of 4 numbers in eighths, and what a linear function makes of them.
inline levin::DataLoader data(std::int64_t batches, std::int64_t batch_size = 8) {
  const std::int64_t rows = batches * batch_size;
  const at::Tensor i = at::arange(rows * 4, at::kLong);
  const at::Tensor x = ((i * i * 5 + i * 3).remainder(17) - 8).to(at::kFloat).div(8).view({rows, 4});
  return levin::DataLoader(levin::TensorDataset({x, (x * at::tensor({1.0f, -0.5f, 0.25f, 2.0f})).sum(1, true)}), {.batch_size = batch_size});
}

}  // namespace precision_net
