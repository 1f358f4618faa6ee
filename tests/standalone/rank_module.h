#pragma once
// What the programs of several processes train: a small net with weights that need no generator, so that any program can have the same.
#include <ATen/ATen.h>
#include <signal.h>
#include <sys/resource.h>
#include <torch/nn/functional/activation.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/linear.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/nn/sync_batch_norm.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/sgd.h"

/// `key=value` words of a command line.
class Arguments {
 public:
  Arguments(int count, char** words) {
    for (int i = 0; i < count; ++i) {
      const std::string word = words[i];
      const auto equals = word.find('=');
      values_[word.substr(0, equals)] = equals == word.npos ? "1" : word.substr(equals + 1);
    }
  }
  std::string text(const std::string& key, const std::string& otherwise = "") const {
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : found->second;
  }
  std::int64_t number(const std::string& key, std::int64_t otherwise = 0) const {
    return values_.contains(key) ? std::stoll(values_.at(key)) : otherwise;
  }
  bool has(const std::string& key) const { return values_.contains(key) && values_.at(key) != "0"; }

 private:
  std::map<std::string, std::string> values_;
};

/// 64 rows of 8 numbers and their 4 targets.
inline std::pair<at::Tensor, at::Tensor> rank_data() {
  const at::Tensor numbers = at::arange(64 * 8, at::kFloat).mul(0.37).sin().reshape({64, 8});
  return {numbers, numbers.narrow(1, 0, 4).mul(2).cos()};
}

inline void set_weights(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  double shift = 0;
  for (auto& parameter : module.parameters()) {
    parameter.copy_(at::arange(parameter.numel(), at::kFloat).add(shift).mul(0.73).sin().mul(0.3).reshape(parameter.sizes()));
    shift += 1;
  }
}

/// Under a limit of what is in use now and a little more; an allocation fails, in LibTorch as a rule.
inline void run_out_of_memory() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (64 << 20);
  ::setrlimit(RLIMIT_AS, &limit);
  for (std::vector<at::Tensor> all;;) all.push_back(at::empty({1 << 20}));
}

/// How a rank ends badly.
inline void end_badly(const std::string& how) {
  if (how == "throw") throw std::runtime_error("this rank was told to fail");
  if (how == "kill") ::kill(::getpid(), SIGKILL);
  if (how == "segv") ::kill(::getpid(), SIGSEGV);
  if (how == "exit") ::_exit(0);
  if (how == "stop") ::kill(::getpid(), SIGSTOP);
  if (how == "hang")
    while (true) ::pause();  // its other threads go on, as they do in a loop without an end
  if (how == "memory") run_out_of_memory();
}

class RankModule : public levin::LightningModule {
 public:
  explicit RankModule(const Arguments& arguments)
      : arguments_(arguments), hidden_(register_module("hidden", torch::nn::Linear(8, 16))), out_(register_module("out", torch::nn::Linear(16, 4))) {
    if (arguments_.has("unused")) unused_ = register_module("unused", torch::nn::Linear(8, 8));
    if (arguments_.has("many")) many_ = register_parameter("many", at::zeros({100'000}));
    if (arguments_.has("norm")) norm_ = register_module("norm", levin::nn::SyncBatchNorm(16));
    set_weights(*this);
    if (norm_) {
      const at::NoGradGuard no_grad;
      norm_->weight.fill_(1);
      norm_->bias.zero_();
    }
  }
  at::Tensor forward(const at::Tensor& x) {
    at::Tensor h = hidden_(x);
    if (norm_) h = norm_(h);
    return out_(at::tanh(h));
  }
  at::Tensor loss(const levin::Batch& batch) {
    const at::Tensor error = torch::nn::functional::mse_loss(forward(batch[0].tensor()), batch[1].tensor());
    return many_.defined() ? error + (batch[0].tensor().mean() * many_).sum() : error;
  }

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    fail_at("forward");
    if (const auto pause = arguments_.number("pause_ms")) std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    const at::Tensor value = loss(batch);
    log("train_loss", value, {.on_epoch = true, .sync_dist = true});
    if (global_rank() == 0) log("of_rank_0", 7.0, {.on_step = true, .on_epoch = true, .sync_dist = true, .rank_zero_only = true});
    losses.push_back(value.item<double>());
    (void)batch_idx;
    return arguments_.has("overflow") && global_rank() == 1 && global_step() == 2 ? value * INFINITY : value;
  }
  void on_before_backward(const at::Tensor&) override { fail_at("backward"); }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    fail_at("validation");
    if (const auto pause = arguments_.number("pause_ms")) std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    log("val_loss", loss(batch), {.sync_dist = true});
    return {};
  }
  void on_save_checkpoint(levin::Value&) override { fail_at("save"); }
  void teardown(std::string_view) override { fail_at("teardown"); }
  levin::OptimizerConfig configure_optimizers() override {
    if (arguments_.text("optimizer", "sgd") == "adamw") return levin::optim::adamw(parameters(), {.lr = 0.01});
    return levin::optim::sgd(parameters(), {.lr = 0.1, .momentum = 0.9});
  }

  std::vector<double> losses;

 private:
  void fail_at(const std::string& phase) {
    if (arguments_.text("fail_at") != phase || global_rank() != arguments_.number("fail_rank", 1) || global_step() < arguments_.number("fail_step", 2)) return;
    const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
    std::ofstream(arguments_.text("folder", ".") + "/failed") << std::to_string(now.count());
    end_badly(arguments_.text("how", "throw"));
  }
  Arguments arguments_;
  torch::nn::Linear hidden_, out_, unused_{nullptr};
  levin::nn::SyncBatchNorm norm_{nullptr};
  at::Tensor many_;  ///< so many that their gradients do not go through rank 0
};
