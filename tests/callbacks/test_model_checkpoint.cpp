// ModelCheckpoint in a Trainer: which files are there, what is in them, and what Python's Lightning would have kept.
#include <cmath>
#include <fstream>
#include <limits>
#include <set>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

using levin::ModelCheckpoint;

std::set<std::string> files_in(const std::string& folder) {
  std::set<std::string> out;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder)) out.insert(entry.path().filename());
  return out;
}

// Logs the given validation value of each epoch as "v".
class Scripted : public TinyModule {
 public:
  explicit Scripted(std::vector<double> values) : values_(std::move(values)) {}
  levin::StepOutput validation_step(const levin::Batch&, std::int64_t) override {
    log("v", values_[static_cast<std::size_t>(current_epoch()) % values_.size()]);
    return {};
  }

 private:
  std::vector<double> values_;
};

struct Outcome {
  std::set<std::string> files;
  std::shared_ptr<ModelCheckpoint> checkpoint;
};

Outcome train(const TemporaryFolder& folder, levin::ModelCheckpointOptions options, std::vector<double> values) {
  levin::CapturedMessages messages;
  options.dirpath = folder.path();
  const auto checkpoint = levin::make<ModelCheckpoint>(options);
  Scripted module(values);
  levin::Trainer trainer(quiet({.callbacks = {checkpoint}, .max_epochs = static_cast<std::int64_t>(values.size())}));
  trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(1)});
  return {files_in(folder.path()), checkpoint};
}

}  // namespace

TEST_CASE("the files left on disk are those that Lightning leaves") {
  const double nan = std::nan("");
  struct Row {
    const char* what;
    levin::ModelCheckpointOptions options;
    std::vector<double> values;
    std::set<std::string> files;
  };
  // Two batches an epoch. From recorded runs of Lightning 2.6.6.
  const Row rows[] = {
      {"the default keeps the newest", {}, {3, 1, 2}, {"epoch=2-step=6.ckpt"}},
      {"the best of all", {.filename = "{epoch}", .monitor = "v"}, {3, 1, 2}, {"epoch=1.ckpt"}},
      {"the best two; a tie does not replace the kept one", {.filename = "{epoch}", .monitor = "v", .save_top_k = 2}, {1, 1, 1, 0.5}, {"epoch=1.ckpt", "epoch=3.ckpt"}},
      {"NaN takes a slot while there are free ones", {.filename = "{epoch}", .monitor = "v", .save_top_k = 2}, {nan, nan, nan, 3, 2}, {"epoch=3.ckpt", "epoch=4.ckpt"}},
      {"last goes stale when nothing improves", {.filename = "{epoch}", .monitor = "v", .save_last = true}, {10, 9, 2.8, 5, 2.5, 7}, {"epoch=4.ckpt", "last.ckpt"}},
      {"everything", {.filename = "{epoch}", .save_top_k = -1}, {3, 2}, {"epoch=0.ckpt", "epoch=1.ckpt"}},
      {"every second epoch", {.save_top_k = -1, .every_n_epochs = 2}, {1, 1, 1, 1, 1, 1}, {"epoch=1-step=4.ckpt", "epoch=3-step=8.ckpt", "epoch=5-step=12.ckpt"}},
      {"names that collide get versions, and evicted names are used again", {.filename = "m", .monitor = "v", .save_top_k = 3}, {3, 2, 1, .5, .4}, {"m.ckpt", "m-v1.ckpt", "m-v2.ckpt"}},
      {"max", {.filename = "{epoch}-{v:.1f}", .monitor = "v", .mode = "max"}, {3, 5, 4}, {"epoch=1-v=5.0.ckpt"}},
      {"no name in front", {.filename = "e{epoch}", .auto_insert_metric_name = false}, {1}, {"e0.ckpt"}},
      {"nothing but last", {.save_last = true, .save_top_k = 0}, {1, 2}, {"last.ckpt"}},
      {"a link is renewed at every epoch's end", {.filename = "{epoch}", .monitor = "v", .save_last = "link"}, {3, 4, 2, 5}, {"epoch=2.ckpt", "last.ckpt"}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const TemporaryFolder folder;
    CHECK(train(folder, row.options, row.values).files == row.files);
  }
}

TEST_CASE("a link of save_last points at the newest checkpoint, relatively") {
  const TemporaryFolder folder;
  train(folder, {.filename = "{epoch}", .monitor = "v", .save_last = "link"}, {3, 4, 2, 5});
  CHECK(std::filesystem::read_symlink(folder / "last.ckpt") == "epoch=2.ckpt");
}

TEST_CASE("the link is moved before the file it led to is removed, so that it never dangles") {
  class Watch : public levin::CheckpointIO {
   public:
    void remove_checkpoint(const std::string& path) override {
      levin::CheckpointIO::remove_checkpoint(path);
      ++removed;
      dangling += !std::filesystem::exists(std::filesystem::path(path).parent_path() / "last.ckpt");
    }
    int removed = 0, dangling = 0;
  };
  for (const std::optional<std::string>& monitor : {std::optional<std::string>("v"), std::optional<std::string>()}) {
    const TemporaryFolder folder;
    levin::CapturedMessages messages;
    const auto watch = std::make_shared<Watch>();
    Scripted module({4, 3, 2, 1});
    levin::Trainer trainer(quiet({.callbacks = {levin::make<ModelCheckpoint>({.dirpath = folder.path(), .monitor = monitor, .save_last = "link"})},
                                  .max_epochs = 4,
                                  .plugins = {std::shared_ptr<levin::CheckpointIO>(watch)}}));
    trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(1)});
    CHECK(watch->removed == 3);
    CHECK(watch->dangling == 0);
  }
}

TEST_CASE("a checkpoint has Lightning's keys in Lightning's order, and names itself as the best") {
  const TemporaryFolder folder;
  const auto [files, checkpoint] = train(folder, {.filename = "{epoch}", .monitor = "v"}, {3, 1, 2});
  const levin::Value file = levin::read_archive(checkpoint->best_model_path());
  std::vector<std::string> keys;
  for (const auto& [key, value] : file.as_dict()) keys.push_back(key.as_string());
  const std::vector<std::string> expected{"epoch", "global_step", "pytorch-lightning_version", "state_dict", "loops", "callbacks",
                                          "optimizer_states", "lr_schedulers", "levin"};
  CHECK(keys == expected);
  CHECK(file.at("epoch").as_int() == 1);
  CHECK(file.at("global_step").as_int() == 4);
  const levin::Value& state = file.at("callbacks").at(
      "ModelCheckpoint{'monitor': 'v', 'mode': 'min', 'every_n_train_steps': 0, 'every_n_epochs': 1, 'train_time_interval': None}");
  CHECK(state.at("best_model_path").as_string() == checkpoint->best_model_path());
  CHECK(state.at("best_model_score").number() == 1.0);
  const levin::Value& progress = file.at("loops").at("fit_loop").at("epoch_progress").at("current");
  CHECK(progress.at("processed").as_int() == 2);
  CHECK(progress.at("completed").as_int() == 1);
}

TEST_CASE("save_weights_only leaves out what only training needs") {
  const TemporaryFolder folder;
  const auto [files, checkpoint] = train(folder, {.save_weights_only = true}, {1});
  const levin::Value file = levin::read_archive(checkpoint->best_model_path());
  for (const char* key : {"callbacks", "optimizer_states", "lr_schedulers"}) CHECK_FALSE(file.contains(key));
  for (const char* key : {"state_dict", "loops", "epoch"}) CHECK(file.contains(key));
}

TEST_CASE("a file that ModelCheckpoint does not own is never removed") {
  const TemporaryFolder folder;
  std::ofstream(folder / "epoch=9.ckpt") << "mine";
  train(folder, {.filename = "{epoch}"}, {1, 2, 3});
  CHECK(std::filesystem::file_size(folder / "epoch=9.ckpt") == 4);
}

TEST_CASE("verbose says what was saved and what was not") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  const auto checkpoint = levin::make<ModelCheckpoint>({.dirpath = folder.path(), .filename = "{epoch}", .monitor = "v", .verbose = true});
  Scripted module({2.5, 3});
  levin::Trainer trainer(quiet({.callbacks = {checkpoint}, .max_epochs = 2}));
  trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(1)});
  const auto said = messages.infos();
  const auto has = [&](const std::string& text) { return std::find(said.begin(), said.end(), text) != said.end(); };
  CHECK(has("Epoch 0, global step 2: 'v' reached 2.50000 (best 2.50000), saving model to '" + folder.path() + "/epoch=0.ckpt' as top 1"));
  CHECK(has("Epoch 1, global step 4: 'v' was not in top 1"));
}

TEST_CASE("a monitor that was never logged is an error that names it") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  const auto checkpoint = levin::make<ModelCheckpoint>({.dirpath = folder.path(), .monitor = "nope"});
  Scripted module({1});
  levin::Trainer trainer(quiet({.callbacks = {checkpoint}, .max_epochs = 1}));
  CHECK_THROWS_WITH(trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(1)}),
                    Catch::Contains("`ModelCheckpoint(monitor='nope')` could not find the monitored key"));
}

TEST_CASE("the folder comes from the logger, or else from default_root_dir") {
  const TemporaryFolder folder;
  const std::set<std::string> one_file{"epoch=0-step=2.ckpt"};
  levin::CapturedMessages messages;
  {
    TinyModule module;
    levin::Trainer trainer(quiet({.logger = true, .max_epochs = 1, .log_every_n_steps = 1, .default_root_dir = folder.path()}));
    trainer.fit(module, {.train = tiny_data(2)});
    CHECK(files_in(folder / "lightning_logs/version_0/checkpoints") == one_file);
    CHECK(std::filesystem::exists(folder / "lightning_logs/version_0/metrics.csv"));
  }
  TinyModule module;
  levin::Trainer trainer(quiet({.max_epochs = 1, .default_root_dir = folder.path()}));
  trainer.fit(module, {.train = tiny_data(2)});
  CHECK(files_in(folder / "checkpoints") == one_file);
}
