// Training on a GPU: against the CPU, recorded against run, resumed against uninterrupted.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include "levin/callbacks/lambda_callback.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/formula_lr.h"
#include "support/catch.h"
#include "support/tiny_module.h"
#include "gpu.h"

namespace {

/// A small network with all that could go its own way in a recorded step: convolutions, batch normalization, dropout, Adam's counters, a
/// rate that changes, clipping.
class Net : public levin::LightningModule {
 public:
  Net() {
    conv = register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 8, 3).padding(1)));
    norm = register_module("norm", torch::nn::BatchNorm2d(8));
    drop = register_module("drop", torch::nn::Dropout(0.3));
    head = register_module("head", torch::nn::Linear(8 * 64, 10));
  }
  at::Tensor loss(const levin::Batch& batch) {
    const at::Tensor x = at::relu(norm->forward(conv->forward(batch[0].tensor().view({-1, 1, 8, 8})))).flatten(1);
    return at::cross_entropy_loss(head->forward(drop->forward(x)), batch[1].tensor());
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    ++steps;
    const at::Tensor value = loss(batch);
    log("loss", value, {.on_step = true, .on_epoch = true});
    within_step(value);
    return value;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    log("val_loss", loss(batch));
    return {};
  }
  levin::OptimizerConfig configure_optimizers() override {
    auto optimizer = levin::optim::adamw(parameters(), {.lr = 1e-3});
    auto scheduler = levin::optim::step_lr(optimizer, {.step_size = 3, .gamma = 0.7});
    return levin::OptimizerWithScheduler{.optimizer = optimizer, .lr_scheduler = levin::LRSchedulerConfig{.scheduler = scheduler, .interval = "step"}};
  }
  virtual void within_step(const at::Tensor&) {}

  torch::nn::Conv2d conv{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Dropout drop{nullptr};
  torch::nn::Linear head{nullptr};
  int steps = 0;
};

levin::DataLoader digits(std::int64_t batches) {
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(5);
  const std::int64_t rows = batches * 16;
  return levin::DataLoader(levin::TensorDataset({at::rand({rows, 64}, generator), at::randint(10, {rows}, generator)}), {.batch_size = 16, .shuffle = true});
}

struct Outcome {
  std::vector<double> losses;
  std::vector<at::Tensor> weights;
  std::vector<std::string> said;
  int steps = 0;
};

std::vector<at::Tensor> on_cpu(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& tensor : tensors) out.push_back(tensor.detach().cpu().clone());
  return out;
}

bool equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = at::equal(a[i], b[i]);
  return same;
}

template <class M = Net>
Outcome fit(levin::TrainerOptions options, levin::FitArguments arguments) {
  gpu();
  levin::seed_everything(7);
  Outcome out;
  const levin::CapturedMessages messages;
  M module;
  levin::LambdaCallbackOptions seen;
  seen.on_train_batch_end = [&](levin::Trainer&, levin::LightningModule&, const levin::StepOutput& output, const levin::Batch&, std::int64_t) {
    out.losses.push_back(output.loss().item<double>());
  };
  options.callbacks.push_back(std::make_shared<levin::LambdaCallback>(seen));
  if (options.accelerator == "auto") options.accelerator = "gpu";
  if (options.devices == levin::Devices("auto")) options.devices = 1;
  levin::Trainer trainer(quiet(std::move(options)));
  trainer.fit(module, std::move(arguments));
  out.weights = on_cpu(module.parameters());
  out.said = messages.infos();
  out.steps = module.steps;
  return out;
}

}  // namespace

TEST_CASE("a run on the GPU computes what one on the CPU does, and leaves the module on the CPU") {
  gpu();
  const auto run = [](const char* accelerator) {
    levin::seed_everything(7);
    TinyModule module;
    levin::Trainer trainer(quiet({.accelerator = accelerator, .devices = 1, .max_epochs = 3, .enable_checkpointing = false}));
    trainer.fit(module, {.train = tiny_data(8), .val = tiny_data(2)});
    CHECK(module.device() == at::kCPU);
    CHECK(trainer.accelerator() == (std::string(accelerator) == "gpu" ? "cuda" : "cpu"));
    return module.w.detach().clone();
  };
  CHECK(at::allclose(run("gpu"), run("cpu"), 1e-5, 1e-6));
}

TEST_CASE("recorded steps give the bits of steps that are run") {
  at::globalContext().setDeterministicCuDNN(true);  // or cuDNN itself gives other bits each time
  for (const bool deterministic : {true, false}) {
    const levin::TrainerOptions options{.max_epochs = 3, .enable_checkpointing = false, .gradient_clip_val = 0.5, .deterministic = deterministic};
    levin::TrainerOptions recorded = options;
    recorded.cuda_graph = true;
    const Outcome eager = fit(options, {.train = digits(10), .val = digits(2)}), graph = fit(recorded, {.train = digits(10), .val = digits(2)});
    CHECK(eager.losses == graph.losses);
    CHECK(equal(eager.weights, graph.weights));
    CHECK(eager.steps == 30);
    CHECK(graph.steps == 4);
  }
}

TEST_CASE("a step that waits for the device is run as always, and random numbers go on") {
  struct Waiting : Net {
    void within_step(const at::Tensor& loss) override { (void)loss.item<double>(); }
  };
  const levin::TrainerOptions options{.max_epochs = 2, .enable_checkpointing = false};
  levin::TrainerOptions recorded = options;
  recorded.cuda_graph = "auto";
  const Outcome eager = fit<Waiting>(options, {.train = digits(6)}), graph = fit<Waiting>(recorded, {.train = digits(6)});
  CHECK(eager.losses == graph.losses);
  CHECK(equal(eager.weights, graph.weights));
  CHECK(std::any_of(graph.said.begin(), graph.said.end(), [](const std::string& s) { return s.find("run as always") != s.npos; }));
}

TEST_CASE("a run that is resumed from any of 20 steps ends in the same bits") {
  for (const bool recorded : {false, true}) {
    const auto options = [&](std::int64_t steps) {
      return levin::TrainerOptions{.max_steps = steps, .enable_checkpointing = false, .deterministic = true,
                                   .cuda_graph = recorded ? levin::CudaGraphOption("auto") : levin::CudaGraphOption(false)};
    };
    const TemporaryFolder folder;
    const Outcome whole = fit(options(20), {.train = digits(8)});
    for (std::int64_t stop = 1; stop < 20; ++stop) {
      INFO((recorded ? "recorded" : "run") << ", stopped after " << stop);
      const std::string path = folder / ("stop" + std::to_string(stop) + ".ckpt");
      levin::LambdaCallbackOptions saving;
      saving.on_train_batch_end = [&](levin::Trainer& trainer, levin::LightningModule&, const levin::StepOutput&, const levin::Batch&, std::int64_t) {
        if (trainer.global_step() == stop) trainer.save_checkpoint(path);
      };
      auto first = options(stop);
      first.callbacks = {std::make_shared<levin::LambdaCallback>(saving)};
      fit(std::move(first), {.train = digits(8)});
      CHECK(equal(fit(options(20), {.train = digits(8), .ckpt_path = path}).weights, whole.weights));
    }
  }
}

TEST_CASE("a checkpoint of a GPU says cpu, has the generators of all devices, and loads without a GPU") {
  const TemporaryFolder folder;
  const std::string path = folder / "gpu.ckpt";
  levin::LambdaCallbackOptions saving;
  saving.on_train_epoch_end = [&](levin::Trainer& trainer, levin::LightningModule& module) {
    CHECK(module.device().is_cuda());
    trainer.save_checkpoint(path);
  };
  fit({.callbacks = {std::make_shared<levin::LambdaCallback>(saving)}, .max_epochs = 1, .enable_checkpointing = false}, {.train = digits(3)});
  const levin::Value checkpoint = levin::read_archive(path);
  for (const auto& [name, tensor] : checkpoint.at("state_dict").as_dict()) CHECK(tensor.as_tensor().storage->location == "cpu");
  CHECK(checkpoint.at("levin").at("fit_loop").at("rng").at("cuda").size() == static_cast<std::size_t>(gpu().device_count()));
  Net module;
  levin::Trainer trainer(quiet({.accelerator = "cpu", .max_epochs = 2, .enable_checkpointing = false}));
  trainer.fit(module, {.train = digits(3), .ckpt_path = path});
  CHECK(trainer.global_step() == 6);
}

TEST_CASE("ddp on one GPU trains as a single device does") {
  const levin::TrainerOptions options{.devices = 1, .max_epochs = 2, .enable_checkpointing = false, .deterministic = true};
  levin::TrainerOptions ddp = options;
  ddp.strategy = "ddp";
  CHECK(equal(fit(options, {.train = digits(6)}).weights, fit(ddp, {.train = digits(6)}).weights));
}
