// Trainings with callbacks that keep something go on from every file as if nothing had happened.
#include <filesystem>
#include <functional>
#include <set>

#include "levin/callbacks/backbone_finetuning.h"
#include "levin/callbacks/base_finetuning.h"
#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/ema_weight_averaging.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/stochastic_weight_averaging.h"
#include "levin/callbacks/weight_averaging.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/snapshot.h"
#include "support/callback_net.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using callback_net::Net;
using levin::Value;

namespace {

using Make = std::function<std::shared_ptr<levin::Callback>()>;

struct Case {
  const char* name;
  const char* model;
  Make make;
  std::int64_t max_epochs = 5, accumulate = 1;
};

// A resumed run decides its saves but writes none.
class NoFiles final : public levin::CheckpointIO {
  void save_checkpoint(const Value&, const std::string&) override {}
  void remove_checkpoint(const std::string&) override {}
};

struct Ran {
  std::vector<double> losses, val_losses;
  std::vector<std::vector<double>> rates;
  std::vector<std::vector<std::string>> trains;
  Value weights, optimizer, state;
  std::int64_t epoch, step;
};

// How many batches and validation batches the run had seen at each save, by the number that is in the file.
using Marks = std::map<std::int64_t, std::pair<std::size_t, std::size_t>>;

Ran train(const Case& c, const std::string& folder, Marks* marks, std::optional<std::string> ckpt_path = {}) {
  levin::CapturedMessages quiet;
  Net net(levin::parse_json(c.model, "model"));
  struct Marker final : levin::Callback {
    Marker(Net& n, Marks* m) : net(n), marks(m) {}
    void on_save_checkpoint(levin::Trainer&, levin::LightningModule&, Value& checkpoint) override {
      if (marks) (*marks)[checkpoint.at("levin").at("sequence").as_int()] = {net.losses.size(), net.val_losses.size()};
    }
    Net& net;
    Marks* marks;
  };
  const auto callback = c.make();
  levin::Trainer trainer({.logger = false,
                          .callbacks = {std::make_shared<Marker>(net, marks), callback,
                                        levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "step-{step}", .save_top_k = -1,
                                                                             .every_n_train_steps = 1}),
                                        levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "val-{step}", .monitor = "val_loss",
                                                                             .save_top_k = -1, .every_n_epochs = 1,
                                                                             .save_on_train_epoch_end = false}),
                                        levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "epoch-{epoch}", .monitor = "train_loss",
                                                                             .save_top_k = -1, .every_n_epochs = 1,
                                                                             .save_on_train_epoch_end = true})},
                          .max_epochs = c.max_epochs,
                          .enable_progress_bar = false,
                          .enable_model_summary = false,
                          .accumulate_grad_batches = c.accumulate,
                          .plugins = ckpt_path ? levin::Plugins{std::make_shared<NoFiles>()} : levin::Plugins{}});
  trainer.fit(net, {.ckpt_path = ckpt_path});
  Ran out{net.losses, net.val_losses, net.rates, {}, levin::snapshot(net.state_dict()),
          levin::snapshot(trainer.optimizers().front()->state_dict()), levin::snapshot(callback->state_dict()), trainer.current_epoch(),
          trainer.global_step()};
  for (const auto& epoch : net.epochs) out.trains.push_back(epoch.trains);
  return out;
}

template <class T>
bool is_tail(const std::vector<T>& tail, const std::vector<T>& whole, std::size_t from) {
  return tail.size() + from == whole.size() && std::equal(tail.begin(), tail.end(), whole.begin() + static_cast<std::ptrdiff_t>(from));
}

void check(const Case& c) {
  INFO(c.name);
  const TemporaryFolder folder;
  Marks marks;
  const Ran whole = train(c, folder.path(), &marks);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    INFO("resumed from " << entry.path().filename());
    const auto [batches, validated] = marks.at(levin::read_archive(entry.path()).at("levin").at("sequence").as_int());
    const TemporaryFolder other;
    const Ran resumed = train(c, other.path(), nullptr, entry.path().string());
    ++files;
    CHECK(is_tail(resumed.losses, whole.losses, batches));
    CHECK(is_tail(resumed.rates, whole.rates, batches));
    CHECK(is_tail(resumed.trains, whole.trains, whole.trains.size() - resumed.trains.size()));
    // A validation that was going on is repeated, and a sanity check may come first.
    CHECK(resumed.val_losses.size() >= whole.val_losses.size() - validated);
    CHECK(std::equal(resumed.val_losses.rbegin(), resumed.val_losses.rbegin() + static_cast<std::ptrdiff_t>(whole.val_losses.size() - validated),
                     whole.val_losses.rbegin()));
    // As in Lightning: where nothing is left to train the training's end is not reached either, where an average becomes the model.
    if (batches < whole.losses.size() || resumed.epoch < c.max_epochs) CHECK(resumed.weights == whole.weights);
    CHECK(resumed.optimizer == whole.optimizer);
    CHECK(resumed.state == whole.state);
    CHECK(resumed.epoch == whole.epoch);
    CHECK(resumed.step == whole.step);
  }
  CHECK(files >= 15);
}

constexpr const char* momentum = R"({"optimizer": {"class": "SGD", "lr": 0.1, "momentum": 0.9}, "schedulers": [{"class": "StepLR", "step_size": 2, "gamma": 0.5}]})";
constexpr const char* norm = R"({"batch_norm": true, "optimizer": {"class": "AdamW", "lr": 0.02}})";
constexpr const char* frozen = R"({"trainable_only": true, "optimizer": {"class": "SGD", "lr": 0.1, "momentum": 0.9}, "schedulers": [{"class": "StepLR", "step_size": 2, "gamma": 0.5}]})";
constexpr const char* frozen_norm = R"({"trainable_only": true, "batch_norm": true})";
constexpr const char* frozen_plain_norm = R"({"trainable_only": true, "plain_batch_norm": true})";

// Freezes everything of the backbone, its batch normalization too, until epoch 2.
class FreezeAll final : public levin::BaseFinetuning {
  void freeze_before_training(levin::LightningModule& module) override { freeze(*static_cast<Net&>(module).backbone, /*train_bn=*/false); }
  void finetune_function(levin::LightningModule& module, std::int64_t epoch, levin::optim::Optimizer& optimizer) override {
    if (epoch == 2) unfreeze_and_add_param_group(*static_cast<Net&>(module).backbone, optimizer);
  }
};

levin::TrainerOptions with(std::shared_ptr<levin::Callback> callback, std::int64_t max_epochs) {
  return {.logger = false, .callbacks = {std::move(callback)}, .max_epochs = max_epochs, .enable_checkpointing = false,
          .enable_progress_bar = false, .enable_model_summary = false};
}

}  // namespace

TEST_CASE("a resume from any file is the same run to the bit: weight averages") {
  check({"all steps", momentum, [] { return levin::make<levin::WeightAveraging>(); }});
  check({"EMA of steps and epochs, batch normalization", norm,
         [] { return levin::make<levin::EMAWeightAveraging>({.decay = 0.5, .update_every_n_steps = 2, .update_starting_at_epoch = 1}); }});
}

TEST_CASE("a resume from any file is the same run to the bit: stochastic weight averaging") {
  const auto make = [] { return levin::make<levin::StochasticWeightAveraging>({.swa_lrs = 0.01, .swa_epoch_start = std::int64_t{3}, .annealing_epochs = 2}); };
  check({"with a scheduler", momentum, make});
  check({"with batch normalization", norm, make});
  check({"with batch normalization and accumulation", norm, make, 4, 2});
}

TEST_CASE("a resume from any file is the same run to the bit: fine-tuning") {
  check({"backbone", frozen, [] { return levin::make<levin::BackboneFinetuning>({.unfreeze_backbone_at_epoch = 1}); }});
  check({"all of it frozen", frozen_norm, [] { return std::make_shared<FreezeAll>(); }});
  check({"all of it frozen, with a batch normalization that has no parameters", frozen_plain_norm, [] { return std::make_shared<FreezeAll>(); }});
}

TEST_CASE("a resume from any file is the same run to the bit: early stopping") {
  check({"patience", R"({"metric": {"name": "v", "values": [5, 4, 4, 4, 4, 4, 4, 4]}})",
         [] { return levin::make<levin::EarlyStopping>({.monitor = "val_loss", .min_delta = 0.001, .patience = 4}); }, 6});
}

TEST_CASE("a batch normalization that is frozen keeps its running statistics, and takes them up again when it trains") {
  levin::CapturedMessages quiet;
  Net net(levin::parse_json(frozen_norm, "model"));
  levin::Trainer trainer({.logger = false, .callbacks = {std::make_shared<FreezeAll>()}, .max_epochs = 4, .enable_checkpointing = false,
                          .enable_progress_bar = false, .enable_model_summary = false});
  trainer.fit(net);
  REQUIRE(net.epochs.size() == 4);
  const auto mean = [&](std::size_t epoch) { return net.epochs[epoch].weights.at("backbone.1.running_mean"); };
  CHECK(mean(0) == std::vector<double>(4, 0.0));
  CHECK(mean(1) == mean(0));
  CHECK(mean(2) != mean(1));
  CHECK(net.epochs[1].trains == std::vector<std::string>{"head.weight", "head.bias"});
  CHECK(net.epochs[2].trains.size() == 6);
}

TEST_CASE("one callback freezes the batch normalizations of one model after the other") {
  levin::CapturedMessages quiet;
  const auto callback = std::make_shared<FreezeAll>();
  for (int i = 0; i < 3; ++i) {
    INFO(i);
    const auto net = std::make_unique<Net>(levin::parse_json(frozen_norm, "model"));
    levin::Trainer trainer(with(callback, 1));
    trainer.fit(*net);
    CHECK(net->epochs.at(0).weights.at("backbone.1.running_mean") == std::vector<double>(4, 0.0));
  }
}

TEST_CASE("to callbacks SyncBatchNorm is a batch normalization like the others") {
  const auto weights = [](std::string model, const char* norm_of, std::shared_ptr<levin::Callback> callback) {
    levin::CapturedMessages quiet;
    Net net(levin::parse_json(model.insert(1, std::string("\"") + norm_of + "\": true, "), "model"));
    levin::Trainer trainer(with(std::move(callback), 4));
    trainer.fit(net);
    std::vector<callback_net::Weights> out;
    for (const auto& epoch : net.epochs) out.push_back(epoch.weights);
    out.push_back(net.weights());
    return out;
  };
  const auto averages = [] { return levin::make<levin::StochasticWeightAveraging>({.swa_lrs = 0.01, .swa_epoch_start = std::int64_t{2}}); };
  const std::string all = R"({"optimizer": {"class": "SGD", "lr": 0.1}})", rest = R"({"trainable_only": true})";
  CHECK(weights(all, "sync_batch_norm", averages()).size() == 6);
  CHECK(weights(all, "sync_batch_norm", averages()) == weights(all, "batch_norm", averages()));
  CHECK(weights(rest, "sync_batch_norm", std::make_shared<FreezeAll>()) == weights(rest, "batch_norm", std::make_shared<FreezeAll>()));
}

TEST_CASE("after the averaging a batch normalization that has two names has its momentum again") {
  struct Twice final : Net {
    Twice() : Net(levin::parse_json(norm, "model")) { register_module("again", backbone->ptr(1)); }
  } net;
  levin::CapturedMessages quiet;
  levin::Trainer trainer(with(levin::make<levin::StochasticWeightAveraging>({.swa_lrs = 0.01, .swa_epoch_start = std::int64_t{2}}), 3));
  trainer.fit(net);
  CHECK(net.backbone->ptr(1)->as<torch::nn::BatchNorm1dImpl>()->options.momentum() == 0.1);
}

TEST_CASE("how many epochs were averaged is known also after another setup") {
  Net net(levin::parse_json(momentum, "model"));
  const auto callback = levin::make<levin::StochasticWeightAveraging>({.swa_lrs = 0.01, .swa_epoch_start = std::int64_t{2}});
  levin::CapturedMessages quiet;
  levin::Trainer trainer(with(callback, 4));
  trainer.fit(net);
  CHECK(callback->n_averaged() == 3);
  trainer.validate(net);
  CHECK(callback->n_averaged() == 3);
  CHECK(callback->state_dict().at("n_averaged").as_int() == 3);
}

TEST_CASE("an error within validation leaves the training's weights, and a file saved there has both the right way round") {
  class Fails final : public Net {
   public:
    levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t batch_idx) override {
      if (!trainer().sanity_checking() && current_epoch() == 1) {
        during = weights();
        trainer().save_checkpoint(path);
        throw levin::ValueError("no");
      }
      return Net::validation_step(batch, batch_idx);
    }
    std::string path;
    callback_net::Weights during;
  };
  const TemporaryFolder folder;
  levin::CapturedMessages quiet;
  Fails net;
  net.path = folder / "within.ckpt";
  levin::Trainer trainer({.logger = false, .callbacks = {levin::make<levin::WeightAveraging>()}, .max_epochs = 3, .enable_checkpointing = false,
                          .enable_progress_bar = false, .enable_model_summary = false});
  CHECK_THROWS_AS(trainer.fit(net), levin::ValueError);
  const Value saved = levin::read_archive(net.path);
  const auto weights_of = [&](const char* key) { return callback_net::flat(levin::to_tensor(saved.at(key).at("head.weight").as_tensor())); };
  CHECK(weights_of("current_model_state") == net.weights().at("head.weight"));
  CHECK(weights_of("state_dict") == net.during.at("head.weight"));
  CHECK(net.during.at("head.weight") != net.weights().at("head.weight"));
}
