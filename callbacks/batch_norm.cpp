#include "levin/callbacks/batch_norm.h"

#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>

#include <unordered_set>

#include "levin/framework/base/errors.h"
#include "levin/framework/nn/sync_batch_norm.h"

namespace levin::batch_norm {
namespace {

// Calls `f` with the module as the batch normalization that it is; false if it is none.
template <class F>
bool with(torch::nn::Module& module, F&& f) {
  if (auto* one = dynamic_cast<torch::nn::BatchNorm1dImpl*>(&module)) return f(*one), true;
  if (auto* two = dynamic_cast<torch::nn::BatchNorm2dImpl*>(&module)) return f(*two), true;
  if (auto* three = dynamic_cast<torch::nn::BatchNorm3dImpl*>(&module)) return f(*three), true;
  if (auto* sync = dynamic_cast<nn::SyncBatchNormImpl*>(&module)) return f(*sync), true;
  return false;
}

template <class Norm>
std::optional<double>& momentum_of(Norm& norm) {
  return norm.options.momentum();
}
std::optional<double>& momentum_of(nn::SyncBatchNormImpl& norm) { return norm.momentum(); }

void collect(torch::nn::Module& module, std::unordered_set<torch::nn::Module*>& seen, std::vector<torch::nn::Module*>& out) {
  if (!seen.insert(&module).second) return;
  if (is(module)) out.push_back(&module);
  for (const auto& child : module.children()) collect(*child, seen, out);
}

}  // namespace

bool is(const torch::nn::Module& module) {
  return with(const_cast<torch::nn::Module&>(module), [](auto&) {});
}

std::vector<torch::nn::Module*> all_in(torch::nn::Module& module) {
  std::unordered_set<torch::nn::Module*> seen;
  std::vector<torch::nn::Module*> out;
  collect(module, seen, out);
  return out;
}

std::optional<double>& momentum(torch::nn::Module& module) {
  std::optional<double>* out = nullptr;
  if (!with(module, [&](auto& norm) { out = &momentum_of(norm); })) throw TypeError(module.name() + " is no batch normalization");
  return *out;
}

void reset_running_stats(torch::nn::Module& module) {
  const c10::AutoGradMode no_grad(false);
  with(module, [](auto& norm) { norm.reset_running_stats(); });
}

}  // namespace levin::batch_norm
