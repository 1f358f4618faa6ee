// A resumed run is the same run.
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/schedulers.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

// Shuffled data, dropout, AdamW and a scheduler: everything that a resume can get wrong.
class Network : public levin::LightningModule {
 public:
  Network() : layer_(register_module("layer", torch::nn::Linear(2, 8))), drop_(register_module("drop", torch::nn::Dropout(0.3))),
              head_(register_module("head", torch::nn::Linear(8, 1))) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const auto loss = (head_(drop_(layer_(batch[0]).relu())) - batch[0].tensor().sum(1, true)).square().mean();
    log("train_loss", loss);
    losses.push_back(loss.item<double>());
    return loss;
  }
  levin::StepOutput validation_step(const levin::Batch&, std::int64_t) override { return {}; }
  levin::OptimizerConfig configure_optimizers() override {
    const auto optimizer = levin::optim::adamw(parameters(), {.lr = 1e-2});
    return levin::OptimizerWithScheduler{
        .optimizer = optimizer,
        .lr_scheduler = levin::LRSchedulerConfig{.scheduler = std::make_shared<levin::optim::StepLR>(optimizer, levin::optim::StepLROptions{2, 0.5})}};
  }
  std::vector<double> losses;

 private:
  torch::nn::Linear layer_;
  torch::nn::Dropout drop_;
  torch::nn::Linear head_;
};

levin::DataLoader data() { return tiny_data(7, 3, /*shuffle=*/true); }

struct Trained {
  std::vector<at::Tensor> weights;
  std::vector<double> losses;
  std::int64_t epoch, step;
};

Trained train(std::int64_t epochs, const std::string& folder, std::optional<std::string> ckpt_path = {},
              levin::ModelCheckpointOptions checkpoint = {.filename = "{step}", .save_top_k = -1}) {
  levin::CapturedMessages messages;
  levin::seed_everything(11);
  Network module;
  checkpoint.dirpath = folder;
  levin::Trainer trainer(quiet({.callbacks = {levin::make<levin::ModelCheckpoint>(checkpoint)}, .max_epochs = epochs}));
  trainer.fit(module, {.train = data(), .ckpt_path = ckpt_path});
  Trained out{{}, module.losses, trainer.current_epoch(), trainer.global_step()};
  for (const auto& parameter : module.parameters()) out.weights.push_back(parameter.detach().clone());
  return out;
}

void check_equal(const Trained& a, const Trained& b) {
  REQUIRE(a.weights.size() == b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i) CHECK(at::equal(a.weights[i], b.weights[i]));
  CHECK(a.epoch == b.epoch);
  CHECK(a.step == b.step);
}

}  // namespace

TEST_CASE("a run resumed at an epoch's end has the same weights as one that was not interrupted") {
  const TemporaryFolder one, two;
  const Trained whole = train(4, one.path());
  train(2, two.path());
  const Trained resumed = train(4, two.path(), two / "step=14.ckpt");
  check_equal(whole, resumed);
  CHECK(resumed.losses.size() == 14);
}

TEST_CASE("a run resumed within an epoch goes on with the next batch") {
  const TemporaryFolder folder;
  const levin::ModelCheckpointOptions every_step{.filename = "{step}", .save_top_k = -1, .every_n_train_steps = 1};
  const Trained whole = train(3, folder.path(), {}, every_step);
  for (const int step : {1, 5, 9, 13, 20}) {
    INFO("resumed at step " << step);
    const TemporaryFolder other;
    const Trained resumed = train(3, other.path(), folder / ("step=" + std::to_string(step) + ".ckpt"), every_step);
    check_equal(whole, resumed);
    CHECK(std::equal(resumed.losses.begin(), resumed.losses.end(), whole.losses.begin() + step, whole.losses.end()));
  }
}

TEST_CASE("ckpt_path last takes the file that is furthest, and best the best") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  const auto checkpoint = levin::make<levin::ModelCheckpoint>({.dirpath = folder.path(), .save_last = true});
  Network module;
  levin::Trainer trainer(quiet({.callbacks = {checkpoint}, .max_epochs = 2}));
  trainer.fit(module, {.train = data()});
  trainer.validate(module, {.dataloaders = tiny_data(1), .ckpt_path = "best", .verbose = false});
  CHECK(trainer.ckpt_path() == checkpoint->best_model_path());

  const auto again = levin::make<levin::ModelCheckpoint>({.dirpath = folder.path(), .save_last = true});
  Network other;
  levin::Trainer second(quiet({.callbacks = {again}, .max_epochs = 3}));
  second.fit(other, {.train = data(), .ckpt_path = "last"});
  CHECK(second.ckpt_path() == folder / "last.ckpt");
  CHECK(other.losses.size() == 7);
}

TEST_CASE("what can't be resumed is refused with a reason") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  train(2, folder.path());
  CHECK_THROWS_WITH(train(2, folder.path(), folder / "no.ckpt"), Catch::Contains("Checkpoint file not found: "));
  CHECK_THROWS_WITH(train(0, folder.path(), folder / "step=14.ckpt"),
                    Catch::Contains("You restored a checkpoint with current_epoch=1, but you have set Trainer(max_epochs=0)."));
  class Other : public TinyModule {};
  Other module;
  levin::Trainer trainer(quiet({.max_epochs = 3, .enable_checkpointing = false}));
  CHECK_THROWS_WITH(trainer.fit(module, {.train = data(), .ckpt_path = folder / "step=14.ckpt"}),
                    Catch::Contains("Error(s) in loading state_dict for Other") && Catch::Contains("Missing key(s) in state_dict: \"w\"") &&
                        Catch::Contains("\"layer.weight\""));
}
