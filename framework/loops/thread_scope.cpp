#include "levin/framework/loops/thread_scope.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdlib>

#include "levin/framework/module/lightning_module.h"

namespace levin {
namespace {

// Multiplications of a forward pass below which one thread is the faster, on two cores.
constexpr std::int64_t tiny = std::int64_t{1} << 19;

// At how many places a layer is applied, at most: at every element under a convolution, else once for each row of features or token.
std::int64_t places(const at::Tensor& tensor, bool convolutions) {
  const bool features = !convolutions && tensor.is_floating_point() && tensor.dim() > 0 && tensor.size(-1) > 0;
  return features ? tensor.numel() / tensor.size(-1) : tensor.numel();
}

bool is_tiny(const LightningModule& module, const Batch& batch) {
  std::int64_t numbers = 0;
  bool convolutions = false, elsewhere = false;
  for (const at::Tensor& parameter : module.parameters()) {
    if (!parameter.defined()) continue;
    numbers += parameter.numel();
    convolutions = convolutions || parameter.dim() > 2;
    elsewhere = elsewhere || !parameter.is_cpu();
  }
  std::int64_t applied = 0;
  batch.for_each([&](const at::Tensor& tensor) { applied = std::max(applied, places(tensor, convolutions)); });
  return !elsewhere && numbers > 0 && applied > 0 && numbers <= tiny / applied;
}

bool threads_were_named() {
  const char* const named = std::getenv("OMP_NUM_THREADS");
  return named && *named;
}

}  // namespace

ThreadScope::ThreadScope(std::optional<std::int64_t> count) {
  if (!count || *count == at::get_num_threads()) return;
  before_ = at::get_num_threads();
  at::set_num_threads(static_cast<int>(*count));
}

ThreadScope::~ThreadScope() {
  if (before_ > 0) at::set_num_threads(before_);
}

std::unique_ptr<ThreadScope> ThreadScope::for_model(const LightningModule& module, const Batch& batch, std::optional<std::int64_t> given) {
  const bool one = !given && !threads_were_named() && is_tiny(module, batch);
  return std::make_unique<ThreadScope>(one ? std::optional<std::int64_t>(1) : std::nullopt);
}

}  // namespace levin
