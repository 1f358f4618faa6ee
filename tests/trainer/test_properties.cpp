// Everything a Trainer tells about itself, before, during and after its runs.
#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/tqdm_progress_bar.h"
#include "levin/framework/base/console.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/loops/run.h"
#include "levin/framework/models/csv_data_module.h"
#include "levin/framework/precision/precision.h"
#include "levin/loggers/csv_logger.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

using levin::Stage;
using levin::TrainerFn;
using levin::TrainerStatus;
using Counts = std::vector<std::int64_t>;

/// Looks at the trainer from within hooks.
class Looking : public TinyModule {
 public:
  std::function<void(levin::Trainer&)> in_training, in_validation, in_sanity, in_test, in_predict, in_configure;
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
    look(in_training);
    return TinyModule::training_step(batch, idx);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t idx) override {
    look(trainer().sanity_checking() ? in_sanity : in_validation);
    return TinyModule::validation_step(batch, idx);
  }
  levin::StepOutput test_step(const levin::Batch& batch, std::int64_t) override {
    look(in_test);
    return loss(batch);
  }
  levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t idx) override {
    look(in_predict);
    return TinyModule::predict_step(batch, idx);
  }
  levin::OptimizerConfig configure_optimizers() override {
    look(in_configure);
    return TinyModule::configure_optimizers();
  }
  int looks = 0;

 private:
  void look(const std::function<void(levin::Trainer&)>& at) {
    if (!at) return;
    ++looks;
    at(trainer());
  }
};

levin::Loaders two(std::int64_t a, std::int64_t b) {
  return std::vector<std::shared_ptr<levin::Loader>>{std::make_shared<levin::DataLoader>(tiny_data(a)),
                                                     std::make_shared<levin::DataLoader>(tiny_data(b))};
}

}  // namespace

TEST_CASE("a new trainer knows its options and its parts, and nothing of a run") {
  const TemporaryFolder folder;
  const levin::CapturedMessages messages;
  const auto stopping = std::make_shared<levin::EarlyStopping>(levin::EarlyStoppingOptions{.monitor = "a"});
  const auto second = std::make_shared<levin::EarlyStopping>(levin::EarlyStoppingOptions{.monitor = "b"});
  const levin::Trainer trainer({.callbacks = {stopping, second}, .max_epochs = 3, .min_epochs = 1, .max_steps = 9, .min_steps = 2,
                                .limit_train_batches = 5, .limit_val_batches = 0.5, .limit_test_batches = 2.0,
                                .accumulate_grad_batches = 4, .default_root_dir = folder.path()});
  CHECK(trainer.state().status == TrainerStatus::initializing);
  CHECK(!trainer.state().fn);
  CHECK(trainer.state().stage == Stage::none);
  CHECK((!trainer.training() && !trainer.validating() && !trainer.testing() && !trainer.predicting()));
  CHECK((!trainer.sanity_checking() && !trainer.evaluating() && !trainer.interrupted() && !trainer.received_sigterm()));
  CHECK((trainer.current_epoch() == 0 && trainer.global_step() == 0 && !trainer.should_stop() && !trainer.is_last_batch()));
  CHECK((trainer.max_epochs() == 3 && trainer.min_epochs() == 1 && trainer.max_steps() == 9 && trainer.min_steps() == 2));
  CHECK(trainer.limit_train_batches() == levin::BatchLimit(5));
  CHECK(trainer.limit_val_batches() == levin::BatchLimit(0.5));
  CHECK(trainer.limit_test_batches() == levin::BatchLimit(2));
  CHECK(trainer.limit_predict_batches() == levin::BatchLimit(1.0));
  CHECK(trainer.accumulate_grad_batches() == 4);
  CHECK((trainer.accelerator() == "cpu" && trainer.precision() == "32-true" && trainer.precision_plugin().name() == "32-true"));
  CHECK((trainer.global_rank() == 0 && trainer.local_rank() == 0 && trainer.node_rank() == 0 && trainer.world_size() == 1));
  CHECK((trainer.num_nodes() == 1 && trainer.num_devices() == 1 && trainer.device_ids() == Counts{0} && trainer.is_global_zero()));
  CHECK((trainer.lightning_module() == nullptr && trainer.model() == nullptr && trainer.datamodule() == nullptr));
  CHECK((trainer.optimizers().empty() && trainer.lr_scheduler_configs().empty() && trainer.ckpt_path().empty()));
  CHECK((trainer.train_dataloader().empty() && trainer.val_dataloaders().empty() && trainer.test_dataloaders().empty()));
  CHECK((trainer.predict_dataloaders().empty() && trainer.num_val_batches().empty() && trainer.num_sanity_val_batches().empty()));
  CHECK((trainer.num_test_batches().empty() && trainer.num_predict_batches().empty() && trainer.num_training_batches() == levin::unlimited));
  CHECK((trainer.early_stopping_callback() == stopping.get() && trainer.early_stopping_callbacks().size() == 2));
  CHECK(dynamic_cast<levin::ModelCheckpoint*>(trainer.checkpoint_callback()));
  CHECK(trainer.checkpoint_callbacks().size() == 1);
  CHECK(dynamic_cast<levin::TQDMProgressBar*>(trainer.progress_bar_callback()));
  CHECK((trainer.loggers().size() == 1 && dynamic_cast<levin::CSVLogger*>(trainer.logger())));
  CHECK((trainer.default_root_dir() == folder.path() && trainer.log_dir() == folder / "lightning_logs/version_0"));
  CHECK((trainer.profiler() == nullptr && !trainer.fast_dev_run()));
}

TEST_CASE("without logger the log folder is default_root_dir, and fast_dev_run has no logger") {
  const TemporaryFolder folder;
  const levin::CapturedMessages messages;
  CHECK(levin::Trainer(quiet({.default_root_dir = folder.path()})).log_dir() == folder.path());
  const levin::Trainer dev({.fast_dev_run = 2});
  CHECK((dev.fast_dev_run() && dev.loggers().empty() && dev.max_steps() == 2 && dev.max_epochs() == 1));
  CHECK(dev.limit_test_batches() == levin::BatchLimit(2));
}

TEST_CASE("during fit the stage, the counts and the loaders are those of the moment") {
  const levin::CapturedMessages messages;
  Looking module;
  module.in_sanity = [](levin::Trainer& trainer) {
    CHECK((trainer.sanity_checking() && trainer.evaluating() && !trainer.training()));
    CHECK(trainer.num_sanity_val_batches() == Counts{1, 1});
    CHECK(trainer.num_val_batches() == Counts{3, 2});
  };
  module.in_training = [&](levin::Trainer& trainer) {
    CHECK((trainer.training() && !trainer.evaluating() && trainer.state().status == TrainerStatus::running));
    CHECK((trainer.state().fn == TrainerFn::fit && trainer.state().stage == Stage::training));
    CHECK((trainer.num_training_batches() == 4 && trainer.enable_validation()));
    CHECK((trainer.train_dataloader().size() == 1 && trainer.val_dataloaders().size() == 2));
    CHECK((trainer.lightning_module() == &module && trainer.optimizers().size() == 1));
    CHECK(trainer.is_last_batch() == (trainer.global_step() % 4 == 3));
  };
  module.in_validation = [](levin::Trainer& trainer) {
    CHECK((trainer.validating() && trainer.evaluating() && trainer.state().fn == TrainerFn::fit));
  };
  levin::Trainer trainer(quiet({.max_epochs = 2, .num_sanity_val_steps = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(4), .val = two(3, 2)});
  CHECK(module.looks == 2 + 8 + 10);
  CHECK((trainer.state().status == TrainerStatus::finished && trainer.state().fn == TrainerFn::fit));
  CHECK((trainer.state().stage == Stage::none && trainer.current_epoch() == 2 && trainer.global_step() == 8));
  CHECK((trainer.train_dataloader().size() == 1 && trainer.num_val_batches() == Counts{3, 2}));
  CHECK(trainer.callback_metrics().contains("train_loss"));
  CHECK(trainer.logged_metrics().contains("train_loss"));
  CHECK(!trainer.progress_bar_metrics().contains("train_loss"));
}

// docs/differences.md: Lightning tells the lengths of its parts.
TEST_CASE("a combined loader is one loader with as many batches as it gives") {
  struct Counting : TinyModule {
    Counts seen;
    levin::StepOutput validation_step(const levin::Batch&, std::int64_t) override {
      seen = trainer().num_val_batches();
      return {};
    }
  };
  const levin::CapturedMessages messages;
  Counting module;
  levin::Trainer trainer(quiet({}));
  trainer.validate(module, {.dataloaders = std::make_shared<levin::CombinedLoader>(two(4, 3), "min_size"), .verbose = false});
  CHECK(module.seen == Counts{3});
}

TEST_CASE("validate, test and predict know their batches") {
  const levin::CapturedMessages messages;
  Looking module;
  module.in_validation = [](levin::Trainer& t) { CHECK((t.validating() && t.num_val_batches() == Counts{2, 2})); };
  module.in_test = [](levin::Trainer& t) { CHECK((t.testing() && t.evaluating() && t.num_test_batches() == Counts{3})); };
  module.in_predict = [](levin::Trainer& t) { CHECK((t.predicting() && !t.evaluating() && t.num_predict_batches() == Counts{1})); };
  levin::Trainer trainer(quiet({.limit_val_batches = 2}));
  trainer.validate(module, {.dataloaders = two(4, 3), .verbose = false});
  CHECK((trainer.val_dataloaders().size() == 2 && trainer.state().fn == TrainerFn::validate));
  trainer.test(module, {.dataloaders = tiny_data(3), .verbose = false});
  CHECK(trainer.test_dataloaders().size() == 1);
  trainer.predict(module, {.dataloaders = tiny_data(1)});
  CHECK(trainer.predict_dataloaders().size() == 1);
  CHECK(module.looks == 4 + 3 + 1);
}

TEST_CASE("estimated_stepping_batches is Lightning's, within configure_optimizers too") {
  struct Row {
    const char* what;
    levin::TrainerOptions options;
    std::int64_t expected;
  };
  const Row rows[] = {
      {"epochs", {.max_epochs = 3}, 15},
      {"a short last window steps", {.max_epochs = 3, .accumulate_grad_batches = 2}, 9},
      {"steps are fewer", {.max_epochs = 3, .max_steps = 4}, 4},
      {"steps alone", {.max_steps = 6}, 6},
      {"a limit of batches", {.max_epochs = 2, .limit_train_batches = 2}, 4},
      {"no epoch", {.max_epochs = 0}, 5},
  };
  for (Row row : rows) {
    INFO(row.what);
    const levin::CapturedMessages messages;
    Looking module;
    std::int64_t early = 0;
    module.in_configure = [&](levin::Trainer& trainer) { early = trainer.estimated_stepping_batches(); };
    row.options.enable_checkpointing = false;
    levin::Trainer trainer(quiet(row.options));
    trainer.fit(module, {.train = tiny_data(5)});
    CHECK(early == row.expected);
    CHECK(trainer.estimated_stepping_batches() == row.expected);
  }
}

TEST_CASE("asking for the estimate before a resume leaves the resumed run exact") {
  const TemporaryFolder folder;
  const levin::CapturedMessages messages;
  const auto run = [&](std::optional<std::string> from) {
    Looking module;
    module.in_configure = [](levin::Trainer& trainer) { CHECK(trainer.estimated_stepping_batches() == 10); };
    const auto every_third = levin::make<levin::ModelCheckpoint>({.dirpath = folder.path(), .filename = "{step}", .save_top_k = -1,
                                                                  .every_n_train_steps = 3, .enable_version_counter = false});
    levin::Trainer trainer(quiet({.callbacks = {every_third}, .max_epochs = 2}));
    trainer.fit(module, {.train = tiny_data(5, 2, /*shuffle=*/true), .ckpt_path = from});
    return module.w.clone();
  };
  const at::Tensor whole = run({});
  CHECK(at::equal(run(folder / "step=3.ckpt"), whole));
}

TEST_CASE("one process on a CPU has no scaler, no share of a sampler and nothing to prepare for new modules") {
  levin::Trainer trainer(quiet({}));
  CHECK(trainer.scaler() == nullptr);
  CHECK_FALSE(trainer.distributed_sampler_kwargs());
  const auto context = trainer.init_module();
  CHECK(TinyModule().dtype() == at::kFloat);
  CHECK_FALSE(TinyModule().on_gpu());
}

TEST_CASE("a ckpt_path that was set holds for all runs until one has its own") {
  const TemporaryFolder folder;
  const std::string first = folder.path() + "/first.ckpt", second = folder.path() + "/second.ckpt";
  const levin::CapturedMessages messages;
  TinyModule module;
  const auto fit = [&](levin::Trainer& trainer, std::optional<std::string> ckpt_path = {}) {
    trainer.fit(module, {.train = tiny_data(2), .ckpt_path = ckpt_path});
  };
  for (const auto& [path, epochs] : {std::pair(first, 1), std::pair(second, 2)}) {
    levin::Trainer trainer(quiet({.max_epochs = epochs, .enable_checkpointing = false}));
    fit(trainer);
    trainer.save_checkpoint(path);
  }
  levin::Trainer trainer(quiet({.max_epochs = 5, .enable_checkpointing = false}));
  trainer.set_ckpt_path(first);
  for (int i = 0; i < 2; ++i) {
    fit(trainer);
    CHECK(trainer.ckpt_path() == first);
    CHECK(trainer.global_step() == 10);
  }
  fit(trainer, second);
  CHECK(trainer.ckpt_path() == second);
  const auto warnings = messages.warnings();
  CHECK(std::find(warnings.begin(), warnings.end(), "`trainer.ckpt_path = '" + first + "'` was called but then you passed `trainer.fit(ckpt_path='" +
                                                        second + "')`. The latter will be loaded.") != warnings.end());
  fit(trainer);
  CHECK(trainer.ckpt_path().empty());
}
