#include "levin/callbacks/batch_norm.h"

#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>

#include "levin/framework/base/errors.h"

namespace levin::batch_norm {
namespace {

// Calls `f` with the module as the batch normalization that it is; false if it is none.
template <class F>
bool with(torch::nn::Module& module, F&& f) {
  if (auto* one = dynamic_cast<torch::nn::BatchNorm1dImpl*>(&module)) return f(*one), true;
  if (auto* two = dynamic_cast<torch::nn::BatchNorm2dImpl*>(&module)) return f(*two), true;
  if (auto* three = dynamic_cast<torch::nn::BatchNorm3dImpl*>(&module)) return f(*three), true;
  return false;
}

void collect(torch::nn::Module& module, std::vector<torch::nn::Module*>& out) {
  if (is(module)) out.push_back(&module);
  for (const auto& child : module.children()) collect(*child, out);
}

}  // namespace

bool is(const torch::nn::Module& module) {
  return with(const_cast<torch::nn::Module&>(module), [](auto&) {});
}

std::vector<torch::nn::Module*> all_in(torch::nn::Module& module) {
  std::vector<torch::nn::Module*> out;
  collect(module, out);
  return out;
}

std::optional<double>& momentum(torch::nn::Module& module) {
  std::optional<double>* out = nullptr;
  if (!with(module, [&](auto& norm) { out = &norm.options.momentum(); })) throw TypeError(module.name() + " is no batch normalization");
  return *out;
}

void reset_running_stats(torch::nn::Module& module) {
  const c10::AutoGradMode no_grad(false);
  with(module, [](auto& norm) { norm.reset_running_stats(); });
}

}  // namespace levin::batch_norm
