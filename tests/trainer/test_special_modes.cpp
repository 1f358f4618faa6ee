// detect_anomaly, deterministic, benchmark, overfit_batches, reload_dataloaders_every_n_epochs, fast_dev_run, validation by time.
#include <ATen/Context.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>

#include <csignal>

#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/data/sampler.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

levin::TrainerOptions bare(levin::TrainerOptions options) {
  if (!options.enable_checkpointing) options.enable_checkpointing = false;
  return quiet(std::move(options));
}

/// What the first column of each batch is, per epoch.
class Seeing : public TinyModule {
 public:
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
    if (idx == 0) epochs.emplace_back();
    epochs.back().push_back(batch[0].tensor().sum().item<float>());
    return TinyModule::training_step(batch, idx);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t idx) override {
    ++validations;
    return TinyModule::validation_step(batch, idx);
  }
  std::vector<std::vector<float>> epochs;
  int validations = 0;
};

}  // namespace

TEST_CASE("detect_anomaly finds the function whose gradient is not a number, in fit only") {
  class NotANumber : public TinyModule {
   public:
    levin::StepOutput training_step(const levin::Batch&, std::int64_t) override {
      enabled = torch::autograd::AnomalyMode::is_enabled();
      return (w - w).sqrt().sum() * 0;
    }
    bool enabled = false;
  };
  const levin::CapturedMessages messages;
  for (const bool detect : {false, true}) {
    NotANumber module;
    levin::Trainer trainer(bare({.max_epochs = 1, .detect_anomaly = detect}));
    if (detect) CHECK_THROWS_WITH(trainer.fit(module, {.train = tiny_data(1)}), Catch::Contains("SqrtBackward0"));
    else trainer.fit(module, {.train = tiny_data(1)});
    CHECK(module.enabled == detect);
    CHECK(!torch::autograd::AnomalyMode::is_enabled());
  }
  CHECK(messages.infos().at(1).starts_with("You have turned on `Trainer(detect_anomaly=True)`."));
}

TEST_CASE("deterministic and benchmark set LibTorch's switches") {
  const levin::CapturedMessages messages;
  at::Context& context = at::globalContext();
  struct Row {
    levin::TrainerOptions options;
    bool deterministic, warn_only, benchmark;
  };
  const Row rows[] = {{{.deterministic = true}, true, false, false},
                      {{.deterministic = "warn"}, true, true, false},
                      {{}, true, true, false},  // not given: left as it is
                      {{.deterministic = false, .benchmark = true}, false, false, true},
                      {{.deterministic = true}, true, false, false},
                      {{.deterministic = true, .benchmark = true}, true, false, true},
                      {{.deterministic = false, .benchmark = false}, false, false, false}};
  for (const Row& row : rows) {
    const levin::Trainer trainer(bare(row.options));
    CHECK(context.deterministicAlgorithms() == row.deterministic);
    CHECK(context.deterministicAlgorithmsWarnOnly() == row.warn_only);
    CHECK(context.benchmarkCuDNN() == row.benchmark);
  }
  CHECK(messages.warnings().size() == 1);
  CHECK(messages.warnings().at(0).starts_with("You passed `deterministic=True` and `benchmark=True`."));
}

TEST_CASE("overfit_batches takes the same few batches in order, for training and validation") {
  const levin::CapturedMessages messages;
  Seeing module;
  levin::Trainer trainer(bare({.max_epochs = 2, .limit_train_batches = 0.5, .overfit_batches = 2, .num_sanity_val_steps = 0}));
  trainer.fit(module, {.train = tiny_data(6, 2, /*shuffle=*/true), .val = tiny_data(5)});
  REQUIRE(module.epochs.size() == 2);
  Seeing ordered;
  levin::Trainer plain(bare({.max_epochs = 1, .limit_train_batches = 2}));
  plain.fit(ordered, {.train = tiny_data(6)});
  CHECK(module.epochs[0] == ordered.epochs[0]);
  CHECK(module.epochs[1] == ordered.epochs[0]);
  CHECK(module.validations == 4);
  CHECK(messages.warnings().at(0) ==
        "You requested to overfit but enabled train dataloader shuffling. We are turning off the train dataloader shuffling for you.");
}

TEST_CASE("loaders are asked for again every n epochs") {
  class Asking : public TinyModule {
   public:
    levin::Loaders train_dataloader() override { return train_asked.push_back(current_epoch()), tiny_data(1); }
    levin::Loaders val_dataloader() override { return val_asked.push_back(current_epoch()), tiny_data(1); }
    std::vector<std::int64_t> train_asked, val_asked;
  };
  using Epochs = std::vector<std::int64_t>;
  const levin::CapturedMessages messages;
  Asking module;
  levin::Trainer trainer(bare({.max_epochs = 10, .check_val_every_n_epoch = 3, .num_sanity_val_steps = 0, .reload_dataloaders_every_n_epochs = 4}));
  trainer.fit(module, {});
  CHECK(module.train_asked == Epochs{0, 4, 8});
  CHECK(module.val_asked == Epochs{2, 8});
}

TEST_CASE("fast_dev_run runs few batches and writes nothing") {
  const TemporaryFolder folder;
  const levin::CapturedMessages messages;
  Seeing module;
  const auto stopping = std::make_shared<levin::EarlyStopping>(levin::EarlyStoppingOptions{.monitor = "no such metric"});
  levin::Trainer trainer({.callbacks = {stopping}, .fast_dev_run = 3, .max_epochs = 9, .limit_train_batches = 1, .enable_progress_bar = false,
                          .enable_model_summary = false, .default_root_dir = folder.path()});
  trainer.fit(module, {.train = tiny_data(6), .val = tiny_data(6)});
  CHECK((module.epochs.size() == 1 && module.epochs[0].size() == 3 && module.validations == 3));
  CHECK(std::filesystem::is_empty(folder.path()));
  CHECK(messages.infos().at(0) ==
        "Running in `fast_dev_run` mode: will run the requested loop using 3 batch(es). Logging and checkpointing is suppressed.");
}

TEST_CASE("val_check_interval as time validates at the first batch after it") {
  // No time to wait for: after every batch. An hour: never, not at the epoch's end either.
  const std::pair<levin::ValCheckOption, int> rows[] = {{levin::Seconds(0), 4}, {std::string("00:00:00:00"), 4}, {std::chrono::hours(1), 0},
                                                        {std::string("00:01:00:00"), 0}};
  for (const auto& [interval, validations] : rows) {
    const levin::CapturedMessages messages;
    Seeing module;
    levin::Trainer trainer(bare({.max_epochs = 1, .val_check_interval = interval, .num_sanity_val_steps = 0}));
    trainer.fit(module, {.train = tiny_data(4), .val = tiny_data(1)});
    CHECK(module.validations == validations);
  }
}

TEST_CASE("limits that look alike say what they mean") {
  const levin::CapturedMessages messages;
  const levin::Trainer trainer(bare({.limit_train_batches = 1, .limit_val_batches = 1.0, .val_check_interval = 1.0}));
  CHECK(messages.infos() == std::vector<std::string>{"`Trainer(limit_train_batches=1)` was configured so 1 batch per epoch will be used.",
                                                     "`Trainer(limit_val_batches=1.0)` was configured so 100% of the batches will be used..",
                                                     "`Trainer(val_check_interval=1.0)` was configured so validation will run at the end of the "
                                                     "training epoch.."});
}

TEST_CASE("whatever is thrown, callbacks and loggers learn that the run failed") {
  class Noting : public levin::Callback {
   public:
    void on_exception(levin::Trainer&, levin::LightningModule&, const std::exception& error) override { said = error.what(); }
    std::string said;
  };
  class Throwing : public TinyModule {
    levin::StepOutput training_step(const levin::Batch&, std::int64_t) override { throw 42; }
  } module;
  const auto noting = std::make_shared<Noting>();
  levin::Trainer trainer(bare({.callbacks = {noting}, .max_epochs = 1}));
  CHECK_THROWS_AS(trainer.fit(module, {.train = tiny_data(1)}), int);
  CHECK(noting->said == "something was thrown that is no std::exception");
  CHECK(trainer.interrupted());
}

TEST_CASE("modules in eval mode at the start of training are warned of") {
  const levin::CapturedMessages messages;
  TinyModule module;
  module.eval();
  levin::Trainer trainer(bare({.max_epochs = 1}));
  trainer.fit(module, {.train = tiny_data(1)});
  const auto warnings = messages.warnings();
  CHECK(std::any_of(warnings.begin(), warnings.end(), [](const std::string& w) {
    return w.starts_with("Found 1 module(s) in eval mode at the start of training.");
  }));
}

TEST_CASE("validate, test and predict run in inference mode unless told otherwise; a validation within fit never does") {
  class Modes : public TinyModule {
   public:
    levin::StepOutput validation_step(const levin::Batch&, std::int64_t) override { return note(); }
    levin::StepOutput test_step(const levin::Batch&, std::int64_t) override { return note(); }
    levin::StepOutput predict_step(const levin::Batch&, std::int64_t) override { return note(); }
    levin::StepOutput note() {
      seen.push_back((c10::InferenceMode::is_enabled() ? "inference" : (w * 2).requires_grad() ? "gradients" : "no_grad"));
      return {};
    }
    std::vector<std::string> seen;
  };
  for (const bool inference : {true, false}) {
    Modes module;
    levin::Trainer trainer(bare({.max_epochs = 1, .num_sanity_val_steps = 0, .inference_mode = inference}));
    trainer.fit(module, {.train = tiny_data(1), .val = tiny_data(1)});
    trainer.validate(module, {.dataloaders = tiny_data(1), .verbose = false});
    trainer.test(module, {.dataloaders = tiny_data(1), .verbose = false});
    trainer.predict(module, {.dataloaders = tiny_data(1)});
    const std::string mode = inference ? "inference" : "no_grad";
    CHECK(module.seen == std::vector<std::string>{"no_grad", mode, mode, mode});
  }
}

TEST_CASE("a submodule in eval mode stays so through validations, and the rest trains") {
  class Frozen : public TinyModule {
   public:
    Frozen() : frozen(register_module("frozen", std::make_shared<TinyModule>())) { frozen->eval(); }
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
      CHECK((is_training() && !frozen->is_training()));
      return TinyModule::training_step(batch, idx);
    }
    levin::StepOutput validation_step(const levin::Batch&, std::int64_t) override {
      CHECK((!is_training() && !frozen->is_training()));
      return {};
    }
    levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd({w}, {.lr = 0.125}); }
    std::shared_ptr<TinyModule> frozen;
  } module;
  const levin::CapturedMessages messages;
  levin::Trainer trainer(bare({.max_epochs = 2}));
  trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(1)});
  CHECK((module.is_training() && !module.frozen->is_training()));
}

TEST_CASE("Ctrl-C lets the batch at hand end, calls on_exception and comes out as KeyboardInterrupt") {
  class Interrupted : public TinyModule {
   public:
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
      if (idx == 1) std::raise(SIGINT);
      return TinyModule::training_step(batch, idx);
    }
    void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t idx) override { last = idx; }
    void on_train_end() override { FAIL("an interrupted run has no end"); }
    std::int64_t last = -1;
  } module;
  class Noting : public levin::Callback {
   public:
    void on_exception(levin::Trainer&, levin::LightningModule&, const std::exception& error) override { name = levin::exception_name(error); }
    void teardown(levin::Trainer&, levin::LightningModule&, std::string_view) override { FAIL("no teardown hook follows an exception"); }
    std::string name;
  };
  const auto noting = std::make_shared<Noting>();
  const levin::CapturedMessages messages;
  levin::Trainer trainer(bare({.callbacks = {noting}, .max_epochs = 2}));
  CHECK_THROWS_AS(trainer.fit(module, {.train = tiny_data(4)}), levin::KeyboardInterrupt);
  CHECK((module.last == 1 && trainer.global_step() == 2 && trainer.interrupted()));
  CHECK(noting->name == "KeyboardInterrupt");
  const auto infos = messages.infos();
  CHECK(std::find(infos.begin(), infos.end(), "Detected KeyboardInterrupt, attempting graceful shutdown ...") != infos.end());
}
