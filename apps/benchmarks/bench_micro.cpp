// What single parts cost, by Google Benchmark: scripts/bench micro [--benchmark_filter=REGEX ...].
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>
#include <torch/nn/modules/linear.h>

#include "levin/framework/base/codec/pickle_writer.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/decisions/filename_template.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/loops/run.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/tensors/tensors.h"
#include "levin/framework/trainer/trainer.h"

namespace {

class Idle final : public levin::Callback {};

class Module final : public levin::LightningModule {
 public:
  Module() : layer_(register_module("layer", torch::nn::Linear(8, 8))) {}

 private:
  torch::nn::Linear layer_;
};

levin::TrainerOptions quiet_options() {
  levin::TrainerOptions options;
  options.logger = false;
  options.enable_checkpointing = options.enable_progress_bar = options.enable_model_summary = false;
  return options;
}

// One hook of all callbacks and the module, none of which override it.
void hooks(benchmark::State& state) {
  levin::TrainerOptions options = quiet_options();
  for (int i = 0; i < state.range(0); ++i) options.callbacks.push_back(std::make_shared<Idle>());
  levin::Trainer trainer(options);
  Module module;
  levin::Run& run = trainer.run();
  run.module = &module;
  for (auto _ : state) LEVIN_CALL(run, on_after_backward);
  run.module = nullptr;
}
BENCHMARK(hooks)->Arg(0)->Arg(1)->Arg(10)->Arg(50);

// `log()` of a tensor in a training step, for so many keys; per key.
void log(benchmark::State& state) {
  levin::MetricLog log;
  levin::ResultCollection results(/*training=*/true);
  log.activate(&results);
  const levin::MetricLog::HookScope hook(log, levin::Hook::training_step);
  const levin::Batch batch(at::ones({10, 4}));
  const at::Tensor value = at::ones({});
  std::vector<std::string> keys;
  for (int i = 0; i < state.range(0); ++i) keys.push_back("key_" + std::to_string(i));
  for (auto _ : state) {
    log.on_batch_start(batch, -1);
    for (const std::string& key : keys) log.log(key, value, {});
    log.on_batch_end();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(log)->Arg(1)->Arg(100);

// A batch of 10 rows of 10 floats and a target.
void loader(benchmark::State& state) {
  levin::DataLoader loader(levin::TensorDataset({at::ones({100'000, 10}), at::ones({100'000, 1})}), {.batch_size = 10, .shuffle = true});
  loader.start();
  levin::Batch batch;
  for (auto _ : state) {
    if (loader.next(batch)) continue;
    state.PauseTiming();
    loader.start();
    state.ResumeTiming();
  }
}
BENCHMARK(loader);

void filename(benchmark::State& state) {
  const levin::FilenameTemplate name{.filename = "{epoch}-{step}-{val_loss:.4f}", .dirpath = "/checkpoints"};
  const levin::FilenameMetrics metrics{{"epoch", std::int64_t{3}}, {"step", std::int64_t{1200}}, {"val_loss", 0.1234567}};
  for (auto _ : state) benchmark::DoNotOptimize(name.format(metrics));
}
BENCHMARK(filename);

// A state dict of so many tensors, with Adam's state.
levin::Value checkpoint_of(std::int64_t tensors) {
  std::vector<at::Tensor> parameters;
  levin::Value weights = levin::Value::ordered_dict();
  for (std::int64_t i = 0; i < tensors; ++i) {
    parameters.push_back(at::ones({8}).requires_grad_());
    parameters.back().mutable_grad() = at::zeros({8});
  }
  levin::optim::Adam adam(parameters, {});
  adam.step();
  levin::TensorExporter exported;
  for (std::int64_t i = 0; i < tensors; ++i) weights["layer." + std::to_string(i)] = exported(parameters[static_cast<std::size_t>(i)].detach());
  levin::Value checkpoint = levin::Value::dict();
  checkpoint["state_dict"] = weights;
  checkpoint["optimizer_states"] = levin::Value::list({adam.state_dict()});
  return levin::snapshot(checkpoint);
}

void pickle(benchmark::State& state) {
  const levin::Value checkpoint = checkpoint_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(levin::write_pickle(checkpoint));
}
BENCHMARK(pickle)->Arg(10)->Arg(100)->Arg(1000);

void unpickle(benchmark::State& state) {
  const std::string bytes = levin::archive_bytes(checkpoint_of(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(levin::read_archive_bytes(bytes));
}
BENCHMARK(unpickle)->Arg(10)->Arg(100)->Arg(1000);

}  // namespace

BENCHMARK_MAIN();
