// The programs as a user runs them: the three checkpoint examples, and `levin` with good and bad input.
#include <fstream>

#include "support/catch.h"
#include "support/run_program.h"
#include "support/tiny_module.h"

namespace {

Ran run(const std::string& folder, const std::string& command) { return run_program("cd '" + folder + "' && " + command); }

const std::string bin = std::string(LEVIN_BINARY_DIR) + "/bin/";
const std::string source = LEVIN_SOURCE_DIR;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("the example that keeps the best model leaves one file, named by its loss") {
  const TemporaryFolder folder;
  const Ran ran = run(folder.path(), bin + "checkpoint_best");
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.output, "'val_loss' reached"));
  const auto list = ran.output.substr(ran.output.find("files in"));
  CHECK(std::count(list.begin(), list.end(), '\n') == 2);
  CHECK(contains(list, "best-epoch=4-val_loss="));
}

TEST_CASE("the example that keeps every second epoch leaves three files") {
  const TemporaryFolder folder;
  const Ran ran = run(folder.path(), bin + "checkpoint_every_n_epochs");
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.output, "files in checkpoints/every_second:\n  epoch=1-step=20.ckpt\n  epoch=3-step=40.ckpt\n  epoch=5-step=60.ckpt\n"));
}

TEST_CASE("the example that keeps the latest leaves it and last.ckpt") {
  const TemporaryFolder folder;
  const Ran ran = run(folder.path(), bin + "checkpoint_last");
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.output, "files in checkpoints/latest:\n  epoch=4-step=50.ckpt\n  last.ckpt\n"));
}

TEST_CASE("levin fits, validates, tests and predicts from one configuration") {
  const TemporaryFolder folder;
  const std::string data = " --data.path " + source + "/data/digits.csv";
  const std::string config = " --config " + source + "/configs/digits.json" + data;
  const Ran fit = run(folder.path(), bin + "levin fit" + config + " --trainer.max_epochs=1 --trainer.limit_train_batches=3");
  INFO(fit.output);
  REQUIRE(fit.exit_code == 0);
  CHECK(contains(fit.output, "Seed set to 42"));
  CHECK(contains(fit.output, "best checkpoint: "));
  const std::string logs = folder / "lightning_logs/version_0";
  CHECK(std::filesystem::exists(logs + "/metrics.csv"));
  CHECK(std::filesystem::exists(logs + "/hparams.yaml"));
  const std::string last = logs + "/checkpoints/last.ckpt";
  REQUIRE(std::filesystem::exists(last));
  const Ran validate = run(folder.path(), bin + "levin validate" + config + " --ckpt_path " + last);
  INFO(validate.output);
  CHECK(validate.exit_code == 0);
  CHECK(contains(validate.output, "val_acc"));
  CHECK(run(folder.path(), bin + "levin test" + config + " --ckpt_path " + last).exit_code == 0);
  const Ran predict = run(folder.path(), bin + "levin predict" + config + " --ckpt_path " + last + " --trainer.limit_predict_batches=2");
  CHECK(predict.exit_code == 0);
  CHECK(contains(predict.output, "Predicted 2 batches"));
}

TEST_CASE("wrong input is one sentence that names the place, exit 1, and leaves nothing behind") {
  const TemporaryFolder folder;
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(folder / name) << text; };
  const std::string rest = R"(, "model": {"class_path": "ConvClassifier"}, "data": {"class_path": "CsvDataModule", "init_args": {"path": "d.csv", "target": "y"}}})";
  write("syntax.json", "{\n  \"trainer\": {,}\n}");
  write("twice.json", "{\"model\": \"A\",\n \"model\": \"B\"}");
  write("unknown.json", "{\"trainer\": {\"max_epoch\": 3}" + rest);
  write("type.json", "{\"trainer\": {\"max_epochs\": \"three\"}" + rest);
  write("class.json", "{\"model\": {\"class_path\": \"ConvClasifier\"}}");
  write("nested.json", "{\"model\": {\"class_path\": \"ConvClassifier\", \"init_args\": {\"lrr\": 1}}}");
  write("callback.json", "{\"trainer\": {\"callbacks\": [{\"class_path\": \"ModelCheckpoint\", \"init_args\": {\"mode\": \"best\"}}]}" + rest);
  write("good.json", "{\"trainer\": {\"max_epochs\": 1}" + rest);
  write("d.csv", "a,b,y\n1,2,0\n1,x,1\n");
  write("readable.csv", "a,b,y\n1,2,0\n1,3,1\n1,2,0\n1,3,1\n1,2,0\n");
  struct Row { std::string arguments; std::vector<std::string> parts; };
  const Row rows[] = {
      {"fit --config missing.json", {"missing.json", "No such file or directory"}},
      {"fit --config syntax.json", {"syntax.json:2:15", "expected a key"}},
      {"fit --config twice.json", {"twice.json:2:2", "the key 'model' is given twice"}},
      {"fit --config unknown.json", {"trainer: unknown key 'max_epoch'; did you mean 'max_epochs'?"}},
      {"fit --config type.json", {"trainer.max_epochs: expected an int, got str 'three'"}},
      {"fit --config class.json", {"model: unknown class 'ConvClasifier'; did you mean 'ConvClassifier'?"}},
      {"fit --config nested.json", {"model.init_args: unknown key 'lrr'; did you mean 'lr'?"}},
      {"fit --config callback.json", {"`mode` can be min, max but got best"}},
      {"fit --config good.json", {"d.csv, line 3, column 'b': expected a number, got 'x'"}},
      {"fit --config good.json --trainer.max_epoch=3", {"unknown key 'max_epoch'"}},
      {"fit --config good.json --trainr.max_epochs=3", {"did you mean '--trainer'?"}},
      {"fit --config good.json --trainer.accelerator=gpu", {"No supported gpu backend found!"}},
      {"fit --config good.json --data.init_args.path=readable.csv --ckpt_path nothing.ckpt", {"Checkpoint file not found: nothing.ckpt"}},
      {"fit", {"no model is given"}},
  };
  for (const Row& row : rows) {
    INFO(row.arguments);
    const Ran ran = run(folder.path(), bin + "levin " + row.arguments);
    INFO(ran.output);
    CHECK(ran.exit_code == 1);
    for (const auto& part : row.parts) CHECK(contains(ran.output, part));
    CHECK_FALSE(contains(ran.output, "frame #"));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      CHECK_FALSE(contains(entry.path().filename(), ".ckpt"));
  }
}

TEST_CASE("the callback with state in the docs is the example's, and counts on after a resume") {
  const TemporaryFolder folder;
  const Ran ran = run(folder.path(), bin + "callback_with_state");
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
  CHECK(contains(ran.output, "trained on 200 samples in 20 batches"));
  CHECK(contains(ran.output, "trained on 400 samples in 40 batches"));
  const auto text = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string example = text(source + "/apps/examples/callback_with_state.cpp"), begin = "// begin of the callback\n";
  const auto from = example.find(begin) + begin.size(), to = example.find("// end of the callback");
  REQUIRE(to < example.size());
  CHECK(contains(text(source + "/docs/callbacks.md"), "```cpp\n" + example.substr(from, to - from) + "```"));
}
