// A training step of GPT in each precision on the CPU, interleaved: milliseconds, the least of several rounds, and how much faster than
// 32-true. bench_precision [LAYERS] [WIDTH] [ROWS] [LENGTH] [ROUNDS]
#include <ATen/ops/randint.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "levin/framework/models/gpt.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/precision/mixed_precision.h"
#include "levin/framework/precision/true_precision.h"

namespace {

using Clock = std::chrono::steady_clock;

// A model under one precision, driven as the loop does it.
class Contestant {
 public:
  Contestant(std::string label, std::shared_ptr<levin::Precision> precision, const levin::GPTOptions& options)
      : name(std::move(label)), precision_(std::move(precision)), model_(options) {
    precision_->convert_module(model_);
    optimizer_ = levin::optim::adamw(model_.parameters(), {.lr = 1e-4});
  }

  void step(const levin::Batch& batch) {
    precision_->optimizer_step(*optimizer_, [&] {
      at::Tensor loss;
      {
        const auto context = precision_->forward_context();
        loss = model_.training_step(batch, 0).loss();
      }
      optimizer_->zero_grad();
      precision_->scale_loss(loss).backward();
      last_loss = loss;
      return loss.detach();
    }, [] {});
  }

  std::string name;
  double best = std::numeric_limits<double>::infinity();
  at::Tensor last_loss;

 private:
  std::shared_ptr<levin::Precision> precision_;
  levin::GPT model_;
  std::shared_ptr<levin::optim::Optimizer> optimizer_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int place, const char* name, std::int64_t otherwise) {
    return levin::bench::count_argument(argc, argv, place, name, otherwise);
  };
  levin::GPTOptions options{.vocab_size = 256, .n_layer = argument(1, "LAYERS", 4), .n_head = 4, .n_embd = argument(2, "WIDTH", 256)};
  const std::int64_t rows = argument(3, "ROWS", 8);
  options.block_size = argument(4, "LENGTH", 128);
  const std::int64_t rounds = argument(5, "ROUNDS", 5);
  const at::Tensor tokens = at::randint(options.vocab_size, {rows, options.block_size + 1}, at::kLong);
  const levin::Batch batch{tokens.slice(1, 0, -1).contiguous(), tokens.slice(1, 1).contiguous()};

  std::vector<std::unique_ptr<Contestant>> all;
  const auto add = [&](const char* name, std::shared_ptr<levin::Precision> precision) {
    levin::seed_everything(1);  // the same weights for all
    all.push_back(std::make_unique<Contestant>(name, std::move(precision), options));
  };
  add("32-true", std::make_shared<levin::Precision>());
  add("bf16-mixed", std::make_shared<levin::MixedPrecision>("bf16-mixed", "cpu"));
  add("bf16-true", std::make_shared<levin::HalfPrecision>("bf16-true"));
  for (std::int64_t round = 0; round <= rounds; ++round) {  // the first warms up
    for (const auto& one : all) {
      const auto start = Clock::now();
      one->step(batch);
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (round > 0) one->best = std::min(one->best, seconds);
    }
  }
  std::printf("GPT, %lld layers, width %lld, batches of %lld x %lld\n", static_cast<long long>(options.n_layer),
              static_cast<long long>(options.n_embd), static_cast<long long>(rows), static_cast<long long>(options.block_size));
  for (const auto& one : all)
    std::printf("%-10s %8.1f ms/step  %.2f x  loss %.3f\n", one->name.c_str(), one->best * 1e3, all.front()->best / one->best,
                one->last_loss.item<double>());
}
