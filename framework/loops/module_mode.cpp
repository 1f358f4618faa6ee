#include "levin/framework/loops/module_mode.h"

#include <torch/nn/module.h>

#include <algorithm>

namespace levin {
namespace {

void collect(const torch::nn::Module& module, std::vector<bool>& training) {
  training.push_back(module.is_training());
  for (const auto& child : module.children()) collect(*child, training);
}

// `train(on)` reaches all descendants, so parents are set before their children.
void apply(torch::nn::Module& module, const std::vector<bool>& training, std::size_t& next) {
  module.train(training[next++]);
  for (const auto& child : module.children()) apply(*child, training, next);
}

}  // namespace

std::vector<bool> modes_of(const torch::nn::Module& module) {
  std::vector<bool> training;
  collect(module, training);
  return training;
}

std::size_t count_in_eval_mode(const torch::nn::Module& module) {
  const std::vector<bool> training = modes_of(module);
  return static_cast<std::size_t>(std::count(training.begin(), training.end(), false));
}

void ModuleMode::capture(const torch::nn::Module& module) { training_ = modes_of(module); }

void ModuleMode::restore(torch::nn::Module& module) const {
  if (std::equal(training_.begin() + 1, training_.end(), training_.begin())) {
    module.train(training_.front());
    return;
  }
  std::size_t next = 0;
  apply(module, training_, next);
}

}  // namespace levin
