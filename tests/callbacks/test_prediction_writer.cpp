#include <fstream>
#include <sstream>

#include "levin/callbacks/prediction_writer.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/tensors/tensors.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

using levin::Value;

std::string text(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

at::Tensor tensor(const Value& value) { return levin::to_tensor(value.as_tensor()); }

// Predicts a row's number in the dataset, and a dict when asked to.
class Numbers : public TinyModule {
 public:
  explicit Numbers(bool dict = false) : dict_(dict) {}
  levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor x = batch[0];
    if (dict_) return levin::StepOutput{{"pair", x}, {"whole", x.select(1, 0).to(at::kLong)}};
    return x.select(1, 0);
  }

 private:
  bool dict_;
};

levin::DataLoader numbers(std::int64_t rows, bool shuffle = false) {
  const at::Tensor first = at::arange(rows).to(at::kFloat);
  return levin::DataLoader(levin::TensorDataset({at::stack({first, first / 2}, 1)}), {.batch_size = 2, .shuffle = shuffle, .seed = 3});
}

levin::Predictions predict(std::shared_ptr<levin::Callback> writer, levin::LightningModule& module, levin::Loaders loaders, bool return_predictions = false) {
  levin::Trainer trainer(quiet({.callbacks = {std::move(writer)}, .enable_checkpointing = false}));
  return trainer.predict(module, {.dataloaders = std::move(loaders), .return_predictions = return_predictions});
}

}  // namespace

TEST_CASE("predictions of each batch are files of their own") {
  const TemporaryFolder folder;
  Numbers module;
  const auto returned = predict(levin::make<levin::PredictionWriter>({.output_dir = folder / "out", .formats = {"pt", "csv"}}), module, numbers(3));
  CHECK(returned.at(0).empty());
  CHECK(at::equal(tensor(levin::read_archive(folder / "out/0/0.pt", {.strict = true})), at::tensor({0.f, 1.f})));
  CHECK(at::equal(tensor(levin::read_archive(folder / "out/0/1.pt", {.strict = true})), at::tensor({2.f})));
  CHECK(text(folder / "out/0/0.csv") == "dataloader_idx,batch_idx,index,prediction\n0,0,0,0.0\n0,0,1,1.0\n");
  CHECK(text(folder / "out/0/1.csv") == "dataloader_idx,batch_idx,index,prediction\n0,1,2,2.0\n");
}

TEST_CASE("predictions of all batches are one file, with the samples that they are of, in any order") {
  const TemporaryFolder folder;
  Numbers module(/*dict=*/true);
  predict(levin::make<levin::PredictionWriter>({.output_dir = folder.path(), .write_interval = "epoch", .formats = {"csv", "pt"}}), module, numbers(5, true));
  CHECK(folder.names() == std::vector<std::string>{"batch_indices.pt", "predictions.csv", "predictions.pt"});
  const Value predictions = levin::read_archive(folder / "predictions.pt", {.strict = true});
  const Value indices = levin::read_archive(folder / "batch_indices.pt", {.strict = true});
  REQUIRE(predictions.size() == 3);
  std::string table = "dataloader_idx,batch_idx,index,pair_0,pair_1,whole\n";
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const at::Tensor whole = tensor(predictions.items()[i].at("whole"));
    REQUIRE(indices.items()[i].size() == static_cast<std::size_t>(whole.numel()));
    for (std::int64_t k = 0; k < whole.numel(); ++k) {
      const auto n = indices.items()[i].items()[static_cast<std::size_t>(k)].as_int();
      CHECK(whole[k].item<std::int64_t>() == n);
      sum += n;
      std::ostringstream line;
      line << "0," << i << "," << n << "," << n << ".0," << (n % 2 ? std::to_string(n / 2) + ".5" : std::to_string(n / 2) + ".0") << "," << n << "\n";
      table += line.str();
    }
  }
  CHECK(sum == 10);
  CHECK(text(folder / "predictions.csv") == table);
}

TEST_CASE("several loaders, both intervals, and what predict returns as before") {
  const TemporaryFolder folder;
  Numbers module;
  const std::vector<std::shared_ptr<levin::Loader>> two{std::make_shared<levin::DataLoader>(numbers(2)), std::make_shared<levin::DataLoader>(numbers(3))};
  const auto returned = predict(levin::make<levin::PredictionWriter>({.output_dir = folder.path(), .write_interval = "batch_and_epoch"}), module, two, true);
  CHECK(returned.size() == 2);
  CHECK(returned.at(1).size() == 2);
  CHECK(folder.names() == std::vector<std::string>{"0", "1", "batch_indices.pt", "predictions.pt"});
  const Value predictions = levin::read_archive(folder / "predictions.pt");
  REQUIRE(predictions.size() == 2);
  CHECK(at::equal(tensor(predictions.items()[1].items()[1]), at::tensor({2.f})));
  CHECK(levin::read_archive(folder / "batch_indices.pt").repr() == "[[[0, 1]], [[0, 1], [2]]]");
}

TEST_CASE("a part of a larger tensor does not take all of it into the file") {
  class Slices : public TinyModule {
    levin::StepOutput predict_step(const levin::Batch&, std::int64_t) override { return at::zeros({100000}).slice(0, 0, 2); }
  };
  const TemporaryFolder folder;
  Slices module;
  predict(levin::make<levin::PredictionWriter>({.output_dir = folder.path()}), module, numbers(2));
  CHECK(std::filesystem::file_size(folder / "0/0.pt") < 4000);
}

TEST_CASE("tables have empty batches, whole numbers of any size and names with commas") {
  class Few : public TinyModule {
    levin::StepOutput predict_step(const levin::Batch&, std::int64_t batch_idx) override {
      const std::int64_t rows = batch_idx == 0 ? 0 : 1;
      const at::Tensor large = at::full({rows}, std::int64_t{9007199254740993}, at::kLong);
      return levin::StepOutput{{"a,b", at::full({rows, 2}, 0.5)}, {"id \"x\"", large}, {"on", at::ones({rows}, at::kBool)}};
    }
  };
  const TemporaryFolder folder;
  Few module;
  const auto writer = levin::make<levin::PredictionWriter>({.output_dir = folder.path(), .write_interval = "epoch", .formats = {"csv"}});
  predict(writer, module, numbers(4));
  CHECK(text(folder / "predictions.csv") ==
        "dataloader_idx,batch_idx,index,\"a,b_0\",\"a,b_1\",\"id \"\"x\"\"\",on\n0,1,,0.5,0.5,9007199254740993,1\n");
}

TEST_CASE("batches with other columns are no table, but an error; what else was asked for is there") {
  class Grows : public TinyModule {
    levin::StepOutput predict_step(const levin::Batch&, std::int64_t batch_idx) override { return at::zeros({2, batch_idx + 1}); }
  };
  const TemporaryFolder folder;
  Grows module;
  const auto writer = levin::make<levin::PredictionWriter>({.output_dir = folder.path(), .write_interval = "epoch", .formats = {"csv", "pt"}});
  CHECK_THROWS_WITH(predict(writer, module, numbers(4)),
                    "PredictionWriter: batch 1 of loader 0 has the columns 'dataloader_idx,batch_idx,index,prediction_0,prediction_1', those before "
                    "'dataloader_idx,batch_idx,index,prediction'; a table needs the same ones everywhere, write \"pt\" instead");
  CHECK(folder.names() == std::vector<std::string>{"batch_indices.pt", "predictions.pt"});
  CHECK_NOTHROW(predict(levin::make<levin::PredictionWriter>({.output_dir = folder.path(), .formats = {"csv"}}), module, numbers(4)));
}

TEST_CASE("options of a prediction writer that make no sense are errors") {
  using levin::PredictionWriter;
  CHECK_THROWS_WITH(PredictionWriter({.output_dir = "x", .write_interval = "step"}), "`write_interval` should be one of ['batch', 'epoch', 'batch_and_epoch'].");
  CHECK_THROWS_WITH(PredictionWriter({}), "PredictionWriter needs an `output_dir`");
  CHECK_THROWS_WITH(PredictionWriter({.output_dir = "x", .formats = {"json"}}), Catch::Contains("unknown format 'json'"));
  struct Bare final : levin::BasePredictionWriter {};
  Numbers module;
  CHECK_THROWS_AS(predict(std::make_shared<Bare>(), module, numbers(2)), levin::NotImplementedError);
}
