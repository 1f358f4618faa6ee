#include "levin/framework/models/mlp.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

SupervisedModule::Task task_of(const std::string& task) {
  if (task == "classification") return SupervisedModule::Task::classification;
  if (task == "regression") return SupervisedModule::Task::regression;
  throw ValueError("MLP: task can be classification or regression, got '" + task + "'");
}

void push_activation(torch::nn::SequentialImpl& layers, const std::string& name) {
  if (name == "relu") layers.push_back(torch::nn::ReLU());
  else if (name == "gelu") layers.push_back(torch::nn::GELU());
  else if (name == "tanh") layers.push_back(torch::nn::Tanh());
  else if (name == "silu") layers.push_back(torch::nn::SiLU());
  else throw ValueError("MLP: activation can be relu, gelu, tanh or silu, got '" + name + "'");
}

void check_size(const char* name, std::int64_t size) {
  if (size < 1) throw ValueError(std::string("MLP: ") + name + " must be at least 1, got " + std::to_string(size));
}

}  // namespace

MLP::MLP(Options options)
    : SupervisedModule(task_of(options.task), options.lr, options.weight_decay),
      options_(std::move(options)),
      layers_(std::make_shared<torch::nn::SequentialImpl>()) {
  check_size("in_features", options_.in_features);
  check_size("out_features", options_.out_features);
  std::int64_t in = options_.in_features;
  for (const std::int64_t units : options_.hidden) {
    check_size("hidden", units);
    layers_->push_back(torch::nn::Linear(in, units));
    push_activation(*layers_, options_.activation);
    if (options_.dropout > 0) layers_->push_back(torch::nn::Dropout(options_.dropout));
    in = units;
  }
  layers_->push_back(torch::nn::Linear(in, options_.out_features));
  register_module("layers", layers_);
  save_hyperparameters(options_);
}

at::Tensor MLP::forward(const at::Tensor& inputs) { return layers_->forward(inputs.dim() > 2 ? inputs.flatten(1) : inputs); }

}  // namespace levin
