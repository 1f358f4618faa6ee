// Training on a GPU: against the CPU, resumed against uninterrupted, what is left of it.
#include "levin/callbacks/on_exception_checkpoint.h"
#include "levin/framework/base/codec/archive.h"
#include "training.h"

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

TEST_CASE("what predict returns is on the CPU") {
  gpu();
  TinyModule module;
  levin::Trainer trainer(quiet({.accelerator = "gpu", .devices = 1, .enable_checkpointing = false}));
  const auto predictions = trainer.predict(module, {.dataloaders = tiny_data(2)});
  REQUIRE(predictions.at(0).size() == 2);
  for (const auto& prediction : predictions[0]) CHECK(prediction.tensor().is_cpu());
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

TEST_CASE("a batch that fails is repeated by the run that resumes, and nothing of it counts twice") {
  struct Fragile : Net {
    void within_step(const at::Tensor&) override {
      if (steps == failing) throw levin::RuntimeError("this batch fails");
    }
    void on_train_epoch_end() override { epochs.push_back(trainer().callback_metrics().at("loss_epoch")); }
    int failing = -1;
    std::vector<double> epochs;
  };
  const TemporaryFolder folder;
  const auto run = [&](int failing, std::optional<std::string> from) {
    gpu();
    levin::seed_everything(7);
    auto module = std::make_shared<Fragile>();
    module->failing = failing;
    const auto saving = levin::make<levin::OnExceptionCheckpoint>({.dirpath = folder.path(), .filename = "failed"});
    levin::Trainer trainer(quiet({.accelerator = "gpu", .devices = 1, .callbacks = {saving}, .max_epochs = 3, .enable_checkpointing = false, .deterministic = true}));
    const levin::FitArguments arguments{.train = digits(7), .ckpt_path = std::move(from)};
    if (failing > 0) CHECK_THROWS_WITH(trainer.fit(*module, arguments), "this batch fails");
    else trainer.fit(*module, arguments);
    return module;
  };
  const auto whole = run(-1, {});
  run(11, {});  // in the second epoch
  const auto resumed = run(-1, folder / "failed.ckpt");
  REQUIRE(whole->epochs.size() == 3);
  CHECK(resumed->epochs == std::vector<double>(whole->epochs.begin() + 1, whole->epochs.end()));
  CHECK(equal(on_cpu(resumed->parameters()), on_cpu(whole->parameters())));
}

TEST_CASE("after a run nothing of the module is on the device, recorded or not") {
  struct Wide : Net {
    Wide() { wide = register_module("wide", torch::nn::Linear(64, 1 << 16)); }  // 16 MB
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
      log("wide", wide->forward(batch[0].tensor()).sum());
      const at::Tensor wide_loss = wide->forward(batch[0].tensor()).square().mean();
      return Net::training_step(batch, idx).loss() + wide_loss;
    }
    torch::nn::Linear wide{nullptr};
  };
  const auto allocated = [] {
    for (const auto& [name, bytes] : gpu().memory_stats(at::Device(at::kCUDA, 0)))
      if (name == "allocated_bytes.all.current") return bytes;
    return -1.0;
  };
  for (const bool recorded : {false, true}) {
    gpu();
    Wide module;
    levin::Trainer trainer(quiet({.accelerator = "gpu", .devices = 1, .max_epochs = 1, .enable_checkpointing = false, .cuda_graph = recorded}));
    const double before = allocated();
    trainer.fit(module, {.train = digits(8)});
    CHECK(allocated() - before < 1e6);
    for (const at::Tensor& parameter : module.parameters()) CHECK((!parameter.grad().defined() || parameter.grad().is_cpu()));
  }
}

TEST_CASE("a run that is not deterministic may be followed by one that is") {
  fit({.max_epochs = 1, .enable_checkpointing = false, .deterministic = false}, {.train = digits(2)});
  CHECK_NOTHROW(fit({.max_epochs = 1, .enable_checkpointing = false, .deterministic = true}, {.train = digits(2)}));
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
