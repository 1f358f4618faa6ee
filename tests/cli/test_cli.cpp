// The command line, in this process: what it prints and returns for right and wrong configurations.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/cli.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;
namespace fs = std::filesystem;

namespace {

const fs::path source = LEVIN_SOURCE_DIR;

struct Said {
  int exit_code;
  std::string out, errors;
};

// As `levin ARGUMENTS` in `folder`.
Said levin_says(const std::vector<std::string>& arguments, const fs::path& folder, CliOptions options = {}) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  CapturedMessages captured;
  std::vector<std::string> words{"levin"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  Said said{cli(static_cast<int>(argv.size()), argv.data(), std::move(options)), "", ""};
  for (const std::string& line : captured.lines()) said.out += line + "\n";
  for (const std::string& text : captured.texts(LogLevel::error)) said.errors += text;
  fs::current_path(before);
  return said;
}

Value json(const std::string& text) { return parse_json(text, "test"); }

std::string small_run(const TemporaryFolder& folder) {
  std::ofstream(folder / "run.json") << R"({
  "seed_everything": 1,
  "trainer": {"max_epochs": 1, "limit_train_batches": 2, "limit_val_batches": 1, "enable_progress_bar": false, "enable_model_summary": false},
  "model": {"class_path": "MLP", "init_args": {"hidden": [8]}},
  "data": {"class_path": "CsvDataModule", "init_args": {"path": ")" << (source / "data/digits.csv").string() << R"(", "target": "digit"}}
})";
  return folder / "run.json";
}

}  // namespace

TEST_CASE("every wrong configuration is refused with its place and the way out") {
  const fs::path folder = source / "tests/cli/wrong";
  const Value messages = read_json_file(folder / "messages.json");
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name == "messages.json") continue;
    ++files;
    INFO(name);
    const Said said = levin_says({"fit", "--config", name}, folder);
    CHECK(said.exit_code == 1);
    REQUIRE(messages.contains(name));
    CHECK(said.errors == messages.at(name).as_string());
    // The place: file, line and column; only what is missing has none.
    if (name != "model_missing.json") CHECK(said.errors.find(name + ":") != said.errors.npos);
  }
  CHECK(files == messages.size());
  CHECK(files >= 60);
}

TEST_CASE("a file over 16 MiB is refused") {
  const TemporaryFolder folder;
  std::ofstream(folder / "large.json") << "{}" << std::string(16u << 20, ' ');
  CHECK(levin_says({"fit", "--config", "large.json"}, folder.path()).errors == "large.json:1:1: the text is longer than 16 MiB");
}

TEST_CASE("--print_config shows every option, and its output gives the same again, byte for byte") {
  const TemporaryFolder folder;
  small_run(folder);
  const Said first = levin_says({"fit", "--config", "run.json", "--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val_loss", "--print_config"}, folder.path());
  REQUIRE(first.exit_code == 0);
  const Value whole = json(first.out);
  CHECK(whole.at("trainer").at("max_epochs") == Value(1));
  CHECK(whole.at("trainer").at("accumulate_grad_batches") == Value(1));
  CHECK(whole.at("model").at("init_args").at("activation") == Value("relu"));
  CHECK(whole.at("trainer").at("callbacks").items()[0].at("init_args").at("patience") == Value(3));
  std::ofstream(folder / "whole.json") << first.out;
  const Said second = levin_says({"fit", "--config", "whole.json", "--print_config"}, folder.path());
  CHECK(second.out == first.out);
  CHECK_FALSE(fs::exists(folder / "lightning_logs"));
}

TEST_CASE("a strategy is a name, or a class with its options") {
  const TemporaryFolder folder;
  small_run(folder);
  const auto with = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> words{"fit", "--config", "run.json", "--no_save_config", "--trainer.logger=false", "--trainer.enable_checkpointing=false"};
    words.insert(words.end(), flags.begin(), flags.end());
    return levin_says(words, folder.path());
  };
  const std::string dotted = R"(--trainer.strategy={"class_path": "lightning.pytorch.strategies.DDPStrategy", "init_args": {"timeout": 60}})";
  for (const std::string& given : {std::string("--trainer.strategy=ddp"), std::string("--trainer.strategy=DDPZero1Strategy"), dotted}) {
    INFO(given);
    const Said said = with({given, "--trainer.devices=1"});
    INFO(said.errors);
    CHECK(said.exit_code == 0);
  }
  const Said printed = with({dotted, "--trainer.strategy.bucket_cap_mb=5", "--print_config"});
  REQUIRE(printed.exit_code == 0);
  const Value strategy = json(printed.out).at("trainer").at("strategy");
  CHECK(strategy.at("init_args").at("bucket_cap_mb") == Value(5));
  CHECK(strategy.at("init_args").at("timeout") == Value(60));
  CHECK(strategy.at("init_args").at("static_graph") == Value(false));

  CHECK(with({dotted, "--trainer.strategy.bucket_cap_mb=-1"}).errors.find("trainer.strategy.init_args.bucket_cap_mb: DDPStrategy: bucket_cap_mb must be above 0") != std::string::npos);
  CHECK(with({dotted, "--trainer.strategy.bucket_cap=5"}).errors.find("unknown key 'bucket_cap'; did you mean 'bucket_cap_mb'?") != std::string::npos);
  CHECK(with({R"(--trainer.strategy={"class_path": "FSDP"})"}).errors.find("known strategies: DDPStrategy DDPZero1Strategy") != std::string::npos);
  // A name in capitals is a name.
  CHECK(json(with({"--trainer.strategy=DDP", "--print_config"}).out).at("trainer").at("strategy") == Value("DDP"));
  CHECK(with({"--trainer.strategy=DDPStrateg"}).errors.find("did you mean 'DDPStrategy'?") != std::string::npos);
  CHECK(with({"--trainer.strategy=7"}).errors.find("expected a strategy's name or {\"class_path\": ..., \"init_args\": {...}}, got int 7") != std::string::npos);
  CHECK(levin_says({"list"}, folder.path()).out.find("strategies:\n  DDPStrategy(cluster_environment, ") != std::string::npos);
  CHECK(levin_says({"schema"}, folder.path()).out.find("\"strategy.DDPStrategy\"") != std::string::npos);
}

TEST_CASE("a run keeps its configuration beside its logs and never writes over one") {
  const TemporaryFolder folder;
  small_run(folder);
  REQUIRE(levin_says({"fit", "--config", "run.json"}, folder.path()).exit_code == 0);
  const std::string saved = folder / "lightning_logs/version_0/config.json";
  REQUIRE(fs::exists(saved));
  CHECK(read_json_file(saved).at("model").at("init_args").at("hidden") == json("[8]"));
  CHECK(read_json_file(saved).at("seed_everything") == Value(1));

  const std::vector<std::string> without_logger{"fit", "--config", "run.json", "--trainer.logger=false"};
  REQUIRE(levin_says(without_logger, folder.path()).exit_code == 0);
  const Said again = levin_says(without_logger, folder.path());
  CHECK(again.exit_code == 1);
  CHECK(again.errors.find("to NOT exist. Aborting to avoid overwriting results of a previous run.") != again.errors.npos);
  auto with = [&](const char* flag) {
    auto words = without_logger;
    words.emplace_back(flag);
    return levin_says(words, folder.path()).exit_code;
  };
  CHECK(with("--overwrite_config") == 0);
  CHECK(with("--no_save_config") == 0);
}

TEST_CASE("the saved configuration is the run again, bit for bit") {
  const TemporaryFolder folder;
  small_run(folder);
  const Said first = levin_says({"fit", "--config", "run.json"}, folder.path());
  const Said second = levin_says({"fit", "--config", "lightning_logs/version_0/config.json"}, folder.path());
  REQUIRE(second.exit_code == 0);
  const auto losses = [](const std::string& out) { return out.substr(0, out.find("; best")); };
  CHECK(losses(first.out) == losses(second.out));
}

TEST_CASE("hyperparameters of the checkpoint make the model") {
  const TemporaryFolder folder;
  small_run(folder);
  REQUIRE(levin_says({"fit", "--config", "run.json", "--model.hidden=[5]"}, folder.path()).exit_code == 0);
  std::string checkpoint;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    if (entry.path().extension() == ".ckpt") checkpoint = entry.path();
  REQUIRE_FALSE(checkpoint.empty());
  // run.json says [8]; the file knows better.
  CHECK(levin_says({"validate", "--config", "run.json", "--ckpt_path", checkpoint}, folder.path()).exit_code == 0);
  CHECK(levin_says({"validate", "--config", "run.json", "--model", "MLP", "--ckpt_path", checkpoint}, folder.path()).exit_code == 0);
}

TEST_CASE("the environment gives defaults, files and arguments win") {
  const TemporaryFolder folder;
  small_run(folder);
  setenv("PL_FIT__TRAINER__MAX_EPOCHS", "7", 1);
  setenv("PL_FIT__TRAINER__MIN_EPOCHS", "2", 1);
  const Value whole = json(levin_says({"fit", "--config", "run.json", "--print_config"}, folder.path()).out);
  const Said wrong = [&] {
    setenv("PL_FIT__TRAINER__MIN_EPOCHS", "two", 1);
    return levin_says({"fit", "--config", "run.json", "--print_config"}, folder.path());
  }();
  unsetenv("PL_FIT__TRAINER__MAX_EPOCHS");
  unsetenv("PL_FIT__TRAINER__MIN_EPOCHS");
  CHECK(whole.at("trainer").at("max_epochs") == Value(1));
  CHECK(whole.at("trainer").at("min_epochs") == Value(2));
  CHECK(wrong.errors == "PL_FIT__TRAINER__MIN_EPOCHS: trainer.min_epochs: expected an int, got str 'two'");
}

TEST_CASE("options are linked, by the configuration and by the program") {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.txt") << std::string(500, 'a');
  std::ofstream(folder / "gpt.json") << R"({"model": {"class_path": "GPT", "init_args": {"n_embd": 12}}, "data": {"class_path": "TextDataModule", "init_args": {"path": "a.txt", "vocab_size": 300, "block_size": 16}},
                                           "link": {"data.vocab_size": "model.vocab_size"}})";
  const Said said = levin_says({"fit", "--config", "gpt.json", "--print_config"}, folder.path(), {.link_arguments = {{"data.block_size", "model.block_size"}}});
  REQUIRE(said.errors == "");
  CHECK(json(said.out).at("model").at("init_args").at("vocab_size") == Value(300));
  CHECK(json(said.out).at("model").at("init_args").at("block_size") == Value(16));
}

TEST_CASE("help, list and schema tell of the same options") {
  const TemporaryFolder folder;
  const Said list = levin_says({"list"}, folder.path());
  const Said schema = levin_says({"schema"}, folder.path());
  const Said help = levin_says({"fit", "--help"}, folder.path());
  const Value definitions = json(schema.out).at("$defs");
  const Catalog catalog = registered_classes();
  for (const FieldDescription& field : catalog.trainer) CHECK(help.out.find("--trainer." + field.name + "  " + field.type) != help.out.npos);
  for (const auto& [kind, classes] : catalog.kinds) {
    std::string definition = kind;
    std::replace(definition.begin(), definition.end(), ' ', '_');
    for (const ClassDescription& one : classes) {
      INFO(one.name);
      CHECK(list.out.find("  " + one.name + "(") != list.out.npos);
      const Said class_help = levin_says({"fit", "--help", one.name}, folder.path());
      const Value& properties = definitions.at(definition + "." + one.name).at("properties");
      CHECK(properties.size() == one.fields.size());
      for (const FieldDescription& field : one.fields) {
        INFO(field.name);
        CHECK_FALSE(field.doc.empty());
        CHECK(properties.at(field.name).at("description") == Value(field.doc));
        CHECK(properties.at(field.name).at("default") == field.default_value);
        CHECK(class_help.out.find("  " + field.name + "  " + field.type + " = ") != class_help.out.npos);
      }
    }
  }
  CHECK(levin_says({"fit", "--help", "EarlyStoping"}, folder.path()).errors == "--help EarlyStoping: unknown class; did you mean 'EarlyStopping'?");
}

TEST_CASE("what is no plug-in is refused before anything of it runs") {
  const TemporaryFolder folder;
  std::ofstream(folder / "text.so") << "not a library";
  CHECK(levin_says({"list", "--plugin", "missing.so"}, folder.path()).errors == "--plugin missing.so: No such file or directory");
  CHECK(levin_says({"--plugin", "text.so", "list"}, folder.path()).errors ==
        "--plugin text.so: registers no class; a plug-in is a shared library with LEVIN_REGISTER(...) in it");
  std::ofstream(folder / "old.so") << "....levin-plugin: levin 0.0.1, LibTorch 2.10.0." << '\0' << "....";
  const Said old = levin_says({"--plugin", "old.so", "list"}, folder.path());
  CHECK(old.errors.starts_with("--plugin old.so: was compiled with levin 0.0.1, LibTorch 2.10.0. This program has levin "));
}
