// Steps with next to no work of ATen's, so that what levin adds can be counted: scripts/bench instructions and growth run it under
// callgrind, which counts from the first of the counted steps to the last.
//   bench_steps [parameters=P] [callbacks=C] [keys=K] [steps=N]
// P parameter tensors of 4 numbers, C callbacks that override nothing, K numbers logged at each step; N counted steps.
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/cli/cli.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/trainer/trainer.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

namespace {

constexpr std::int64_t warm_up = 20;

struct Counts {
  std::int64_t parameters = 4, callbacks = 1, keys = 1, steps = 200;
};

class Idle final : public levin::Callback {};

class Many final : public levin::LightningModule {
 public:
  explicit Many(const Counts& counts) : counts_(counts) {
    for (std::int64_t i = 0; i < counts.parameters; ++i)
      parameters_.push_back(register_parameter("p" + std::to_string(i), at::zeros({4})));
    for (std::int64_t i = 0; i < counts.keys; ++i) keys_.push_back("key_" + std::to_string(i));
  }

  int on_train_batch_start(const levin::Batch&, std::int64_t batch_idx) override {
    if (batch_idx == warm_up) {
      begin_ = std::chrono::steady_clock::now();
      CALLGRIND_START_INSTRUMENTATION;
    } else if (batch_idx == warm_up + counts_.steps) {
      CALLGRIND_STOP_INSTRUMENTATION;
      seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }
    return 0;
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor loss = (at::stack(parameters_) - batch[0].tensor().sum()).square().sum();
    for (const std::string& key : keys_) log(key, loss);
    return loss;
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::adam(parameters_, {.lr = 1e-3}); }
  double us_per_step() const { return seconds_ / static_cast<double>(counts_.steps) * 1e6; }

 private:
  Counts counts_;
  std::vector<at::Tensor> parameters_;
  std::vector<std::string> keys_;
  std::chrono::steady_clock::time_point begin_;
  double seconds_ = 0;
};

Counts read_counts(int argc, char** argv) {
  Counts counts;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto equals = option.find('=');
    const std::string name = option.substr(0, equals);
    std::int64_t* const value = name == "parameters"  ? &counts.parameters
                                : name == "callbacks" ? &counts.callbacks
                                : name == "keys"      ? &counts.keys
                                : name == "steps"     ? &counts.steps
                                                      : nullptr;
    if (!value || equals == option.npos) throw levin::ValueError("bench_steps [parameters=P] [callbacks=C] [keys=K] [steps=N], got " + option);
    *value = std::stoll(option.substr(equals + 1));
  }
  return counts;
}

}  // namespace

int main(int argc, char** argv) {
  return levin::run([&] {
    const Counts counts = read_counts(argc, argv);
    Many module(counts);
    levin::TrainerOptions options;
    options.logger = false;
    for (std::int64_t i = 0; i < counts.callbacks; ++i) options.callbacks.push_back(std::make_shared<Idle>());
    options.callbacks.push_back(levin::make<levin::ModelCheckpoint>({.save_top_k = 0}));
    options.max_steps = warm_up + counts.steps + 1;
    options.enable_progress_bar = options.enable_model_summary = false;
    options.num_threads = 1;
    levin::Trainer trainer(options);
    const std::int64_t rows = (warm_up + counts.steps + 1) * 2;
    trainer.fit(module, {.train = levin::DataLoader(levin::TensorDataset({at::zeros({rows, 4})}), {.batch_size = 2})});
    std::printf("{\"steps\": %lld, \"us_per_step\": %.3f, \"compiler\": \"%s\"}\n", static_cast<long long>(counts.steps), module.us_per_step(),
                __VERSION__);
  });
}
