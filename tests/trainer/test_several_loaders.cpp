// Several loaders at once: in training as one CombinedLoader, in evaluation one after the other or combined.
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/data/combined_loader.h"
#include "support/catch.h"
#include "support/tiny_module.h"

using levin::CombinedLoader;
using levin::Loader;

namespace {

levin::TrainerOptions one_epoch(levin::TrainerOptions options = {}) {
  options.max_epochs = 1;
  options.enable_checkpointing = false;
  return quiet(std::move(options));
}

std::shared_ptr<Loader> data(std::int64_t batches, std::int64_t batch_size = 2, bool shuffle = false) {
  return std::make_shared<levin::DataLoader>(tiny_data(batches, batch_size, shuffle));
}

/// Takes batches of several loaders, and remembers how many items were there.
class Several : public TinyModule {
 public:
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    shapes.push_back(shape(batch));
    return loss(batch.is_dict() ? batch["few"] : batch[0]);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    if (trainer().sanity_checking()) return {};
    shapes.push_back(shape(batch) + "@" + std::to_string(batch.dataloader_idx()));
    log("rows", static_cast<double>(batch.batch_size()));
    return {};
  }
  levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t) override { return batch[0].tensor().sum(); }
  static std::string shape(const levin::Batch& batch) {
    std::string out;
    const auto add = [&](const levin::Batch& one) { out += one.is_none() ? "-" : std::to_string(one.batch_size()); };
    if (batch.is_dict())
      for (const auto& [name, one] : batch.dict()) add(one);
    else
      for (const levin::Batch& one : batch.list()) add(one);
    return out;
  }
  std::vector<std::string> shapes;
};

using Shapes = std::vector<std::string>;

}  // namespace

TEST_CASE("several training loaders are cycled until the longest is done") {
  Several module;
  levin::Trainer trainer(one_epoch());
  trainer.fit(module, {.train = {data(2, 1), data(3, 2)}});
  CHECK(module.shapes == Shapes{"12", "12", "12"});
  CHECK(trainer.num_training_batches() == 3);
  CHECK(trainer.train_dataloader().size() == 2);
  CHECK(trainer.global_step() == 3);
}

TEST_CASE("a CombinedLoader says how, and names make a dict") {
  const std::pair<const char*, Shapes> cases[] = {
      {"min_size", {"12", "12"}}, {"max_size_cycle", {"12", "12", "12"}}, {"max_size", {"12", "12", "-2"}}};
  for (const auto& [mode, shapes] : cases) {
    INFO(mode);
    class LastLoader : public Several {
      levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
        this->shapes.push_back(shape(batch));
        return loss(batch["many"]);
      }
    } module;
    levin::Trainer trainer(one_epoch());
    trainer.fit(module, {.train = CombinedLoader({{"few", data(2, 1)}, {"many", data(3, 2)}}, mode)});
    CHECK(module.shapes == shapes);
    CHECK(trainer.num_training_batches() == static_cast<std::int64_t>(shapes.size()));
  }
}

TEST_CASE("limits hold for each of several training loaders") {
  const auto batches = [](levin::BatchLimit limit, const char* mode) {
    Several module;
    levin::Trainer trainer(one_epoch({.limit_train_batches = limit}));
    trainer.fit(module, {.train = CombinedLoader({data(4), data(8)}, mode)});
    CHECK(trainer.num_training_batches() == static_cast<std::int64_t>(module.shapes.size()));
    return module.shapes.size();
  };
  CHECK(batches(std::int64_t{3}, "max_size_cycle") == 3);
  CHECK(batches(std::int64_t{6}, "max_size_cycle") == 6);
  CHECK(batches(std::int64_t{6}, "min_size") == 4);
  CHECK(batches(0.5, "max_size") == 4);
  CHECK(batches(0.5, "min_size") == 2);
  Several module;
  levin::Trainer trainer(one_epoch({.limit_train_batches = 0.2}));
  CHECK_THROWS_AS(trainer.fit(module, {.train = {data(4), data(8)}}), levin::MisconfigurationException);
}

TEST_CASE("overfit_batches takes the shuffling from each of several loaders") {
  const levin::CapturedMessages messages;
  Several module;
  levin::Trainer trainer(one_epoch({.overfit_batches = std::int64_t{2}}));
  trainer.fit(module, {.train = {data(4, 2, true), data(8)}});
  CHECK(module.shapes.size() == 2);
  for (const auto& loader : trainer.train_dataloader()) CHECK_FALSE(loader->shuffles());
}

TEST_CASE("fit refuses a sequential combination, predict any other") {
  Several module;
  levin::Trainer trainer(one_epoch());
  CHECK_THROWS_WITH(trainer.fit(module, {.train = CombinedLoader({data(1), data(1)}, "sequential")}),
                    "`_FitLoop` does not support the `CombinedLoader(mode=\"sequential\")` mode. The available modes are: ['min_size', "
                    "'max_size_cycle', 'max_size']");
  CHECK_THROWS_WITH(trainer.predict(module, {.dataloaders = CombinedLoader({data(1), data(1)}, "max_size")}),
                    "`trainer.predict()` only supports the `CombinedLoader(mode=\"sequential\")` mode.");
  CHECK(trainer.predict(module, {.dataloaders = CombinedLoader({data(1), data(2)}, "sequential")}).size() == 2);
}

TEST_CASE("evaluation takes combined loaders, and a sequential combination is several loaders") {
  {
    Several module;
    levin::Trainer trainer(one_epoch());
    const auto results = trainer.validate(module, {.dataloaders = CombinedLoader({data(2, 1), data(3, 2)}, "max_size"), .verbose = false});
    CHECK(module.shapes == Shapes{"12@0", "12@0", "-2@0"});
    REQUIRE(results.size() == 1);
    CHECK(results[0].find("rows"));
  }
  {
    Several module;
    levin::Trainer trainer(one_epoch());
    const auto results = trainer.validate(module, {.dataloaders = CombinedLoader({data(2, 1), data(1, 2)}, "sequential"), .verbose = false});
    CHECK(module.shapes == Shapes{"1@0", "1@0", "2@1"});
    REQUIRE(results.size() == 2);
    CHECK(results[1].find("rows/dataloader_idx_1"));
  }
}

TEST_CASE("shuffled and empty evaluation loaders are warned of") {
  const levin::CapturedMessages messages;
  Several module;
  levin::Trainer trainer(one_epoch());
  trainer.validate(module, {.dataloaders = {data(2, 1, true), data(0)}, .verbose = false});
  const auto warnings = messages.warnings();
  const auto said = [&](const char* text) { return std::find(warnings.begin(), warnings.end(), text) != warnings.end(); };
  CHECK(said("Your `val_dataloader`'s sampler has shuffling enabled, it is strongly recommended that you turn shuffling off for val/test "
             "dataloaders."));
  CHECK(said("Total length of `DataLoader` across ranks is zero. Please make sure this was your intention."));
}
