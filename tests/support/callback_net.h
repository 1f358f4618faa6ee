#pragma once
// The model, data and recorder of tests/conformance/callback_net.py: the same weights, data, optimizers and logged values.
#include <ATen/ATen.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <map>

#include "levin/framework/base/errors.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/logger.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/nn/sync_batch_norm.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/optim/sgd.h"
#include "levin/framework/trainer/trainer.h"

namespace callback_net {

using levin::Value;

inline at::Tensor pattern(std::vector<std::int64_t> sizes, std::int64_t step, std::int64_t modulus) {
  at::Tensor out = at::empty(sizes);
  float* data = out.data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i) data[i] = static_cast<float>((step * i * i + 3 * i) % modulus - modulus / 2) / 8;
  return out;
}

inline levin::DataLoader loader(std::int64_t rows, std::int64_t shift = 0) {
  return levin::DataLoader(levin::TensorDataset({pattern({rows, 3}, 4 + shift, 17), pattern({rows, 1}, 6, 11 + shift)}), {.batch_size = 4});
}

/// A number of a record; JSON has no NaN and infinities.
inline double number(const Value& v) {
  if (!v.is_string()) return v.number();
  return v.as_string() == "nan" ? std::nan("") : v.as_string() == "inf" ? INFINITY : -INFINITY;
}

inline std::vector<double> flat(const at::Tensor& tensor) {
  const at::Tensor numbers = tensor.detach().to(at::kDouble).flatten().contiguous();
  return {numbers.const_data_ptr<double>(), numbers.const_data_ptr<double>() + numbers.numel()};
}

using Weights = std::map<std::string, std::vector<double>>;

class Net : public levin::LightningModule {
 public:
  explicit Net(Value options = Value::dict())
      : options_(std::move(options)),
        backbone(register_module("backbone", torch::nn::Sequential(torch::nn::Linear(3, 4)))),
        head(register_module("head", torch::nn::Linear(4, 1))) {
    if (is("batch_norm")) backbone->push_back(torch::nn::BatchNorm1d(4));
    if (is("sync_batch_norm")) backbone->push_back(levin::nn::SyncBatchNorm(4));
    if (is("plain_batch_norm")) backbone->push_back(torch::nn::BatchNorm1d(torch::nn::BatchNormOptions(4).affine(false)));
    const at::NoGradGuard no_grad;
    auto& layer = backbone->at<torch::nn::LinearImpl>(0);
    layer.weight.copy_(pattern({4, 3}, 5, 13));
    layer.bias.copy_(pattern({4}, 7, 11));
    head->weight.copy_(pattern({1, 4}, 2, 7));
    head->bias.copy_(pattern({1}, 1, 5));
    automatic_optimization = !options_.contains("optimizers");
  }

  at::Tensor loss(const levin::Batch& batch) { return at::mse_loss(head(backbone->forward(batch[0].tensor()).tanh()), batch[1]); }

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    auto& now = rates.emplace_back();
    for (const auto& optimizer : trainer().optimizers())
      for (std::size_t i = 0; i < optimizer->group_count(); ++i) now.push_back(optimizer->lr(i));
    const auto value = loss(batch);
    losses.push_back(value.item<double>());
    log("train_loss", value, {.on_step = false, .on_epoch = true});
    if (!automatic_optimization) {
      auto&& all = optimizers();
      for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].zero_grad();
        manual_backward(loss(batch));
        all[i].step();
      }
    }
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    const auto value = loss(batch);
    val_losses.push_back(value.item<double>());
    log("val_loss", value);
    const Value* metric = options_.find("metric");
    if (metric && !trainer().sanity_checking() && batch_idx == 0)
      log(metric->at("name").as_string(), at::scalar_tensor(static_cast<float>(number(metric->at("values").items().at(validations_++)))));
    return {};
  }
  struct Epoch {
    std::int64_t epoch, step, accumulate;
    std::vector<std::string> trains;
    Weights weights;
  };
  void on_train_epoch_end() override {
    Epoch& epoch = epochs.emplace_back(Epoch{current_epoch(), global_step(), trainer().accumulate_grad_batches(), {}, weights()});
    for (const auto& item : named_parameters())
      if (item.value().requires_grad()) epoch.trains.push_back(item.key());
  }
  Weights weights() const {
    Weights out;
    for (const auto& item : named_parameters()) out[item.key()] = flat(item.value());
    for (const auto& item : named_buffers()) out[item.key()] = flat(item.value());
    return out;
  }

  levin::OptimizerConfig configure_optimizers() override {
    std::vector<Value> specs{options_.contains("optimizer") ? options_.at("optimizer") : Value(levin::Dict{{"class", "SGD"}, {"lr", 0.1}})};
    if (const Value* several = options_.find("optimizers")) specs = several->items();
    levin::OptimizerConfig config;
    for (const Value& spec : specs) config.optimizers.push_back(make_optimizer(spec));
    if (const Value* schedulers = options_.find("schedulers"))
      for (std::size_t i = 0; i < schedulers->size(); ++i)
        if (!schedulers->items()[i].is_none()) config.lr_schedulers.push_back(make_scheduler(config.optimizers[i], schedulers->items()[i]));
    return config;
  }
  levin::Loaders train_dataloader() override { return loader(12); }
  levin::Loaders val_dataloader() override { return loader(8, 1); }

  std::vector<std::vector<double>> rates;
  std::vector<double> losses, val_losses;
  std::vector<Epoch> epochs;

 private:
  bool is(const char* name) const {
    const Value* found = options_.find(name);
    return found && found->as_bool();
  }
  template <class O>
  static O read(O options, Value spec) {
    spec = spec.clone();
    spec.as_dict().erase("class");
    spec.as_dict().erase("config");
    levin::read_fields(spec, options, "spec");
    return options;
  }
  std::shared_ptr<levin::optim::Optimizer> make_optimizer(const Value& spec) {
    std::vector<levin::optim::ParamGroup> groups(2);
    const torch::nn::Module* parts[] = {backbone.get(), head.get()};
    for (std::size_t i = 0; i < 2; ++i)
      for (const at::Tensor& p : parts[i]->parameters())
        if (p.requires_grad() || !is("trainable_only")) groups[i].params.push_back(p);
    if (!is("two_groups")) {
      groups[0].params.insert(groups[0].params.end(), groups[1].params.begin(), groups[1].params.end());
      groups.pop_back();
    }
    std::shared_ptr<levin::optim::Optimizer> out;
    const std::string& kind = spec.at("class").as_string();
    if (kind == "SGD") out = levin::optim::sgd(groups, read(levin::optim::SGDOptions{}, spec));
    else if (kind == "Adam") out = levin::optim::adam(groups, read(levin::optim::AdamOptions{}, spec));
    else out = levin::optim::adamw(groups, read(levin::optim::AdamWOptions{}, spec));
    if (const Value* names = options_.find("group_names"))
      for (std::size_t i = 0; i < names->size(); ++i) out->set_group_name(i, names->items()[i].as_string());
    return out;
  }
  static levin::LRSchedulerConfig make_scheduler(const std::shared_ptr<levin::optim::Optimizer>& optimizer, const Value& spec) {
    levin::LRSchedulerConfig out;
    if (spec.at("class").as_string() == "StepLR") out.scheduler = levin::optim::step_lr(optimizer, read(levin::optim::StepLROptions{}, spec));
    else out.scheduler = levin::optim::exponential_lr(optimizer, read(levin::optim::ExponentialLROptions{}, spec));
    if (const Value* config = spec.find("config")) {
      out.interval = config->at("interval").as_string();
      out.name = config->at("name").as_string();
    }
    return out;
  }

  Value options_;
  std::size_t validations_ = 0;

 public:
  torch::nn::Sequential backbone;
  torch::nn::Linear head;
};

/// Keeps what is logged.
class Rows final : public levin::Logger {
 public:
  struct Row {
    std::int64_t step;
    std::map<std::string, double> metrics;
  };
  std::string name() const override { return "rows"; }
  std::string version() const override { return "0"; }
  void log_metrics(std::span<const levin::Metric> metrics, std::int64_t step) override {
    Row& row = rows.emplace_back(Row{step, {}});
    for (const levin::Metric& metric : metrics) row.metrics[std::string(metric.name)] = metric.value;
  }
  std::vector<Row> rows;
};

}  // namespace callback_net
