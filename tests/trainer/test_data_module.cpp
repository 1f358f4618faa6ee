// LightningDataModule: from_datasets, its description, and hyperparameters beside the module's.
#include "levin/framework/base/errors.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/module/data_module.h"
#include "support/catch.h"
#include "support/tiny_module.h"

using levin::LightningDataModule;

namespace {

levin::TensorDataset rows(std::int64_t n) { return levin::TensorDataset({at::zeros({n, 2})}); }

class Stream : public levin::IterableDataset {
 public:
  std::unique_ptr<levin::SampleStream> iterate(const levin::SampleSeeds&) const override { return nullptr; }
};

/// Remembers what it is given.
class HparamsLogger : public levin::Logger {
 public:
  std::string name() const override { return "hparams"; }
  std::string version() const override { return "0"; }
  void log_metrics(std::span<const levin::Metric>, std::int64_t) override {}
  void log_hyperparams(const levin::Value& params) override { given = params.clone(); }
  void log_graph(levin::LightningModule&) override { ++graphs; }
  levin::Value given;
  int graphs = 0;
};

}  // namespace

TEST_CASE("from_datasets makes the loaders: a shuffled one for training, several for several datasets") {
  const auto data = LightningDataModule::from_datasets(
      {.train_dataset = rows(10), .val_dataset = {rows(4), std::make_shared<levin::TensorDataset>(rows(6))}, .batch_size = 2});
  CHECK(data->train_dataloader().size() == 1);
  CHECK(data->train_dataloader()[0]->size() == 5);
  CHECK(data->train_dataloader()[0]->shuffles());
  CHECK(data->val_dataloader().size() == 2);
  CHECK(data->val_dataloader()[1]->size() == 3);
  CHECK_FALSE(data->val_dataloader()[1]->shuffles());
  CHECK_THROWS_WITH(data->test_dataloader(), "`test_dataloader` must be implemented to be used with the Lightning Trainer");
  CHECK_FALSE(LightningDataModule::from_datasets({.train_dataset = Stream()})->train_dataloader()[0]->shuffles());

  TinyModule module;
  levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.datamodule = data});
  CHECK(trainer.global_step() == 5);
}

TEST_CASE("a data module describes its loaders as in Lightning") {
  CHECK(LightningDataModule::from_datasets({.train_dataset = rows(64), .val_dataset = {rows(16), Stream()}})->str() ==
        "{Train dataloader: size=64}\n{Validation dataloader: 1. size=16 ; 2. size=NA}\n{Test dataloader: None}\n{Predict dataloader: None}");
}

TEST_CASE("loggers get the hyperparameters of module and data module together, and a contradiction is an error") {
  class Both : public TinyModule {
   public:
    explicit Both(const levin::Value& params) { save_hyperparameters(params); }
  };
  class Data : public LightningDataModule {
   public:
    explicit Data(const levin::Value& params, bool logger = true) { save_hyperparameters(params, logger); }
    levin::Loaders train_dataloader() override { return tiny_data(1); }
  };
  const auto logged = [](const levin::Value& of_module, std::shared_ptr<Data> data) {
    Both module(of_module);
    const auto logger = std::make_shared<HparamsLogger>();
    levin::Trainer trainer(quiet({.logger = logger, .max_epochs = 1, .enable_checkpointing = false}));
    trainer.fit(module, {.datamodule = std::move(data)});
    CHECK(logger->graphs == 1);
    return logger->given;
  };
  using levin::Dict;
  using levin::Value;
  CHECK(logged(Dict{{"a", 1}, {"b", 2}}, std::make_shared<Data>(Dict{{"b", 2}, {"c", 3}})) == Value(Dict{{"a", 1}, {"b", 2}, {"c", 3}}));
  CHECK(logged(Dict{{"a", 1}}, std::make_shared<Data>(Dict{{"c", 3}}, /*logger=*/false)) == Value(Dict{{"a", 1}}));
  CHECK_THROWS_WITH(logged(Dict{{"b", 2}}, std::make_shared<Data>(Dict{{"b", 2.0}})),
                    "Error while merging hparams: the keys ['b'] are present in both the LightningModule's and LightningDataModule's hparams but "
                    "have different values.");
}
