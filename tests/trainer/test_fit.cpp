// Training end to end: what runs, how often, with which numbers.
#include <algorithm>

#include "levin/framework/base/console.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/accelerators/cuda_accelerator.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

// Counts what happens.
class Counting : public TinyModule {
 public:
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
    ++training_steps;
    return TinyModule::training_step(batch, idx);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t idx) override {
    ++(trainer().sanity_checking() ? sanity_steps : validation_steps);
    return TinyModule::validation_step(batch, idx);
  }
  int training_steps = 0, validation_steps = 0, sanity_steps = 0;
};

}  // namespace

TEST_CASE("one SGD step is the hand-computed one") {
  TinyModule module;
  levin::Trainer trainer(quiet({.max_steps = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(1, 1)});
  // x = [1/8, 1/4]; x.w - 1 = -1; the gradient is -2x; lr 1/8.
  CHECK(module.w[0].item<float>() == 0.5f + 0.125f * 2 * 0.125f);
  CHECK(module.w[1].item<float>() == -0.25f + 0.125f * 2 * 0.25f);
  CHECK(trainer.global_step() == 1);
}

TEST_CASE("epochs, steps and validation batches are counted as in Lightning") {
  struct Row {
    const char* what;
    levin::TrainerOptions options;
    int training, validation, sanity;
    std::int64_t epoch, step;
  };
  const auto base = [](levin::TrainerOptions o) {
    o.enable_checkpointing = false;
    return quiet(std::move(o));
  };
  const Row rows[] = {
      {"max_epochs", base({.max_epochs = 2}), 8, 4, 2, 2, 8},
      {"max_steps in mid-epoch ends without validation", base({.max_steps = 5}), 5, 2, 2, 2, 5},
      {"limit as an int counts", base({.max_epochs = 1, .limit_train_batches = 1, .limit_val_batches = 1}), 1, 1, 1, 1, 1},
      {"limit as a float is a fraction", base({.max_epochs = 1, .limit_train_batches = 0.5}), 2, 2, 2, 1, 2},
      {"1.0 is all", base({.max_epochs = 1, .limit_train_batches = 1.0}), 4, 2, 2, 1, 4},
      {"no validation", base({.max_epochs = 1, .limit_val_batches = 0}), 4, 0, 0, 1, 4},
      {"no sanity check", base({.max_epochs = 1, .num_sanity_val_steps = 0}), 4, 2, 0, 1, 4},
      {"val_check_interval as a fraction", base({.max_epochs = 1, .val_check_interval = 0.5}), 4, 4, 2, 1, 4},
      {"val_check_interval as a count", base({.max_epochs = 1, .val_check_interval = 3}), 4, 2, 2, 1, 4},
      {"check_val_every_n_epoch", base({.max_epochs = 3, .check_val_every_n_epoch = 2}), 12, 2, 2, 3, 12},
      {"accumulation steps at the window's and the epoch's end", base({.max_epochs = 1, .accumulate_grad_batches = 3}), 4, 2, 2, 1, 2},
      {"fast_dev_run", base({.fast_dev_run = true}), 1, 1, 0, 1, 1},
      {"max_epochs 0", base({.max_epochs = 0}), 0, 0, 2, 0, 0},
      {"limit_train_batches 0", base({.max_epochs = 1, .limit_train_batches = 0}), 0, 0, 2, 0, 0},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    levin::CapturedMessages messages;
    Counting module;
    levin::Trainer trainer(row.options);
    trainer.fit(module, {.train = tiny_data(4), .val = tiny_data(2)});
    CHECK(module.training_steps == row.training);
    CHECK(module.validation_steps == row.validation);
    CHECK(module.sanity_steps == row.sanity);
    CHECK(trainer.current_epoch() == row.epoch);
    CHECK(trainer.global_step() == row.step);
  }
}

TEST_CASE("accumulated gradients equal those of one large batch") {
  levin::CapturedMessages messages;
  TinyModule accumulated, whole;
  levin::Trainer a(quiet({.max_epochs = 1, .enable_checkpointing = false, .accumulate_grad_batches = 2}));
  a.fit(accumulated, {.train = tiny_data(2, 2)});
  levin::Trainer b(quiet({.max_epochs = 1, .enable_checkpointing = false}));
  b.fit(whole, {.train = tiny_data(1, 4)});
  CHECK(at::allclose(accumulated.w, whole.w, 1e-6, 1e-7));
}

TEST_CASE("gradient clipping by norm and by value gives Lightning's recorded weights") {
  // Gradients (-3, -4), learning rate 1, w = 0.
  class Clipped : public TinyModule {
   public:
    Clipped() { at::NoGradGuard no_grad; w.zero_(); }
    levin::StepOutput training_step(const levin::Batch&, std::int64_t) override { return (w * at::tensor({-3.f, -4.f})).sum(); }
    levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 1.0}); }
  };
  struct Row { std::optional<double> value; std::optional<std::string> algorithm; float w0, w1; };
  const Row rows[] = {{1.0, {}, 0.59999990f, 0.79999983f}, {1.0, "value", 1, 1}, {0.0, {}, 3, 4}, {10.0, "norm", 3, 4}, {{}, {}, 3, 4}};
  for (const Row& row : rows) {
    levin::CapturedMessages messages;
    Clipped module;
    levin::Trainer trainer(quiet({.max_steps = 1, .enable_checkpointing = false, .gradient_clip_val = row.value, .gradient_clip_algorithm = row.algorithm}));
    trainer.fit(module, {.train = tiny_data(1)});
    CHECK(module.w[0].item<float>() == Approx(row.w0).epsilon(1e-6));
    CHECK(module.w[1].item<float>() == Approx(row.w1).epsilon(1e-6));
  }
}

TEST_CASE("the sanity check disturbs neither random numbers nor metrics") {
  const auto train = [](std::int64_t sanity_steps) {
    class Random : public TinyModule {
     public:
      levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override { return loss(batch) * at::rand({}); }
      levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
        log("val_loss", loss(batch) + at::rand({}));
        return {};
      }
    };
    levin::CapturedMessages messages;
    levin::seed_everything(7);
    Random module;
    levin::Trainer trainer(quiet({.max_epochs = 1, .num_sanity_val_steps = sanity_steps, .enable_checkpointing = false}));
    trainer.fit(module, {.train = tiny_data(3), .val = tiny_data(2)});
    return std::pair(module.w.clone(), trainer.callback_metrics().at("val_loss"));
  };
  const auto without = train(0), with = train(2);
  CHECK(at::equal(without.first, with.first));
  CHECK(without.second == with.second);
}

TEST_CASE("means are weighted by batch size") {
  class Logging : public TinyModule {
   public:
    levin::StepOutput validation_step(const levin::Batch&, std::int64_t idx) override {
      log("v", static_cast<double>(idx));
      return {};
    }
  };
  levin::CapturedMessages messages;
  Logging module;
  levin::Trainer trainer(quiet({}));
  // 10 rows in batches of 4, 4, 2 with values 0, 1, 2.
  const levin::DataLoader loader(levin::TensorDataset({at::ones({10, 2})}), {.batch_size = 4});
  const auto results = trainer.validate(module, {.dataloaders = loader, .verbose = false});
  REQUIRE(results.size() == 1);
  CHECK(results[0].at("v") == Approx(0.8));
}

TEST_CASE("predict returns each batch's output") {
  levin::CapturedMessages messages;
  TinyModule module;
  levin::Trainer trainer(quiet({}));
  const auto predictions = trainer.predict(module, {.dataloaders = tiny_data(3, 2)});
  REQUIRE(predictions.size() == 1);
  REQUIRE(predictions[0].size() == 3);
  CHECK(predictions[0][0].tensor().size(0) == 2);
}

TEST_CASE("a step that throws reaches the callbacks and the caller, and the module stays usable") {
  class Failing : public TinyModule {
   public:
    levin::StepOutput training_step(const levin::Batch&, std::int64_t) override { throw levin::ValueError("boom"); }
  };
  class Watching : public levin::Callback {
   public:
    void on_exception(levin::Trainer&, levin::LightningModule&, const std::exception& e) override { seen = e.what(); }
    std::string seen;
  };
  levin::CapturedMessages messages;
  Failing module;
  const auto watching = std::make_shared<Watching>();
  levin::Trainer trainer(quiet({.callbacks = {watching}, .max_epochs = 1, .enable_checkpointing = false}));
  CHECK_THROWS_AS(trainer.fit(module, {.train = tiny_data(1)}), levin::ValueError);
  CHECK(watching->seen == "boom");
  CHECK(trainer.interrupted());
}

TEST_CASE("wrong options are refused in Lightning's words") {
  struct Row { levin::TrainerOptions options; const char* message; };
  const Row rows[] = {
      {{.max_epochs = -2}, "`max_epochs` must be a non-negative integer or -1. You passed in -2."},
      {{.max_steps = -2}, "`max_steps` must be a non-negative integer or -1 (infinite steps). You passed in -2."},
      {{.limit_train_batches = 1.5}, "You have passed invalid value 1.5 for limit_train_batches, it has to be in [0.0, 1.0] or an int."},
      {{.gradient_clip_algorithm = "foo"}, "`gradient_clip_algorithm` foo is invalid. Allowed algorithms: ['value', 'norm']."},
      {{.accelerator = "gpu"}, "No supported gpu backend found!"},
      {{.devices = 0}, "`Trainer(devices=0)` value is not a valid input using cpu accelerator."},
      {{.num_nodes = 0}, "`num_nodes` must be a positive integer, but got 0."},
      {{.fast_dev_run = -1}, "fast_dev_run=-1 is not a valid configuration. It should be >= 0."},
      {{.reload_dataloaders_every_n_epochs = -1}, "`reload_dataloaders_every_n_epochs` should be an int >= 0, got -1."},
  };
  for (const Row& row : rows) {
    try {
      levin::Trainer trainer(row.options);
      FAIL("accepted: " << row.message);
    } catch (const levin::Error& error) {
      const std::string why = " (" + levin::CUDAAccelerator().why_unavailable() + ")";
      const std::string said = error.what();
      CHECK((said == row.message || said == row.message + why));
    }
  }
}

TEST_CASE("a tensor of integers is logged as a number, and warned of once") {
  class Integers : public TinyModule {
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
      log("count", at::full({}, idx + 1, at::kLong), {.on_step = false, .on_epoch = true});
      return loss(batch);
    }
  } module;
  const levin::CapturedMessages messages;
  levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(2)});
  CHECK(trainer.callback_metrics().find("count")->item() == 1.5);
  const auto warnings = messages.warnings();
  CHECK(std::count_if(warnings.begin(), warnings.end(), [](const std::string& w) {
          return w.starts_with("You called `self.log('count', ...)` in your `training_step` but the value needs to be floating to be reduced. "
                               "Converting it to torch.float32.");
        }) == 1);
}
