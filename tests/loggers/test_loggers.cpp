// Where the loggers put their files, and what is in them. What Python's TensorBoard makes of it: tests/interop/test_loggers.py.
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/loggers/csv_logger.h"
#include "levin/loggers/jsonl_logger.h"
#include "levin/loggers/tensorboard/event_file.h"
#include "levin/loggers/tensorboard_logger.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

namespace fs = std::filesystem;
using levin::Metric;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<levin::Value> events(const std::string& path) {
  std::istringstream text(read(path));
  std::vector<levin::Value> out;
  for (std::string line; std::getline(text, line);) out.push_back(levin::parse_json(line, path));
  return out;
}

void log(levin::Logger& logger, std::vector<Metric> metrics, std::int64_t step) { logger.log_metrics(metrics, step); }

std::string event_file_in(const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) return entry.path();
  return "";
}

// CRC-32C bit by bit, masked as TFRecord does.
std::uint32_t masked_crc(std::string_view data) {
  std::uint32_t crc = ~0U;
  for (const char c : data) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// The records' data; every length and checksum is right, and nothing is left over.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> out;
  std::string_view rest = file;
  while (!rest.empty()) {
    REQUIRE(rest.size() >= 12);
    std::uint64_t length;
    std::uint32_t of_length, of_data;
    std::memcpy(&length, rest.data(), 8);
    std::memcpy(&of_length, rest.data() + 8, 4);
    CHECK(of_length == masked_crc(rest.substr(0, 8)));
    REQUIRE(rest.size() >= 16 + length);
    out.emplace_back(rest.substr(12, length));
    std::memcpy(&of_data, rest.data() + 12 + length, 4);
    CHECK(of_data == masked_crc(out.back()));
    rest.remove_prefix(16 + length);
  }
  return out;
}

std::vector<std::shared_ptr<levin::FileLogger>> one_of_each(const std::string& save_dir, std::optional<std::string> name, const levin::LoggerVersion& version) {
  return {levin::make<levin::CSVLogger>({.save_dir = save_dir, .name = name, .version = version}),
          levin::make<levin::TensorBoardLogger>({.save_dir = save_dir, .name = name, .version = version}),
          levin::make<levin::JSONLLogger>({.save_dir = save_dir, .name = name, .version = version})};
}

}  // namespace

TEST_CASE("versions are numbered as Lightning numbers them") {
  const TemporaryFolder folder;
  for (const char* name : {"version_0", "version_2", "version_nonumber", "version_7_old", "other_20"})
    fs::create_directories(folder / ("logs/" + std::string(name)));
  std::ofstream(folder / "logs/version_9") << "no folder";
  for (const auto& logger : one_of_each(folder.path(), "logs", {})) {
    CHECK(logger->version() == "version_8");
    CHECK(logger->root_dir() == folder / "logs");
    CHECK(logger->log_dir() == folder / "logs/version_8");
  }
  for (const auto& logger : one_of_each(folder.path(), std::nullopt, std::int64_t{3})) CHECK(logger->log_dir() == folder / "version_3");
  for (const auto& logger : one_of_each(folder.path(), "", "mine")) CHECK(logger->log_dir() == folder / "mine");
  CHECK_FALSE(fs::exists(folder / "version_3"));
}

TEST_CASE("an empty version is one: files are in the folder of all versions") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  for (const auto& logger : one_of_each(folder.path(), "logs", "")) {
    CHECK(logger->version().empty());
    CHECK(logger->log_dir() == folder / "logs/");
    log(*logger, {{"loss", 0.5}}, 1);
    logger->save();
  }
  CHECK(read(folder / "logs/metrics.csv") == "loss,step\r\n0.5,1\r\n");
  CHECK(fs::exists(folder / "logs/events.jsonl"));
  CHECK_FALSE(event_file_in(folder / "logs").empty());
}

TEST_CASE("several loggers without a version get one each, in their order") {
  const TemporaryFolder folder;
  for (int i = 0; i < 2; ++i) {
    int version = 3 * i;
    for (const auto& logger : one_of_each(folder.path(), "logs", {})) {
      logger->open("fit");
      CHECK(logger->version() == "version_" + std::to_string(version++));
    }
  }
}

TEST_CASE("a prefix stands in front of the metrics' names") {
  const TemporaryFolder folder;
  levin::CSVLogger csv({.save_dir = folder.path(), .name = "", .version = "v", .prefix = "p"});
  levin::JSONLLogger jsonl({.save_dir = folder.path(), .name = "", .version = "v", .prefix = "p"});
  levin::TensorBoardLogger board({.save_dir = folder.path(), .name = "", .version = "v", .prefix = "p"});
  for (levin::FileLogger* logger : std::initializer_list<levin::FileLogger*>{&csv, &jsonl, &board}) {
    log(*logger, {{"loss", 0.5}}, 1);
    logger->save();
  }
  CHECK(read(folder / "v/metrics.csv") == "p-loss,step\r\n0.5,1\r\n");
  CHECK(events(folder / "v/events.jsonl").back().at("values").at("p-loss").number() == 0.5);
  CHECK(records(read(event_file_in(folder / "v"))).back().find("p-loss") != std::string::npos);
}

TEST_CASE("metrics.csv of an earlier run under the same version goes, with a warning") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "v");
  std::ofstream(folder / "v/metrics.csv") << "old";
  levin::CapturedMessages messages;
  levin::CSVLogger logger({.save_dir = folder.path(), .name = "", .version = "v"});
  logger.open("fit");
  CHECK_FALSE(fs::exists(folder / "v/metrics.csv"));
  CHECK(messages.warnings() == std::vector<std::string>{"Experiment logs directory " + folder / "v" +
                                                        " exists and is not empty. Previous log files in this directory will be deleted when the new ones are saved!"});
}

TEST_CASE("events.jsonl has a line for everything that happens in a run") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  TinyModule module;
  module.save_hyperparameters(levin::Dict{{"lr", 0.125}, {"names", levin::Value::list({"a", "b"})}});
  levin::Trainer trainer(quiet({.logger = levin::make<levin::JSONLLogger>({.save_dir = folder.path()}),
                                .callbacks = {levin::make<levin::ModelCheckpoint>({.filename = "{epoch}"})},
                                .max_epochs = 1,
                                .log_every_n_steps = 1}));
  trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(1)});
  trainer.validate(module, {.dataloaders = tiny_data(1)});
  const auto all = events(folder / "lightning_logs/version_0/events.jsonl");
  std::vector<std::string> names;
  double before = 0;
  for (const auto& event : all) {
    names.push_back(event.at("event").as_string());
    CHECK(event.at("time").number() >= before);
    before = event.at("time").number();
  }
  CHECK(names == std::vector<std::string>{"stage", "hyperparameters", "metrics", "metrics", "metrics", "checkpoint", "end", "stage",
                                          "hyperparameters", "metrics", "end"});
  CHECK(all[0].at("stage").as_string() == "fit");
  CHECK(all[1].at("values").at("names").size() == 2);
  CHECK(all[2].at("step").as_int() == 0);
  CHECK(all[2].at("values").at("epoch").is_int());
  CHECK(all[5].at("path").as_string() == folder / "lightning_logs/version_0/checkpoints/epoch=0.ckpt");
  CHECK(all[6].at("status").as_string() == "success");
  CHECK(all[7].at("stage").as_string() == "validate");
}

TEST_CASE("events.jsonl spells what JSON lacks, and goes on behind a torn line") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "v");
  std::ofstream(folder / "v/events.jsonl") << "{\"time\": 1, \"eve";
  {
    levin::JSONLLogger logger({.save_dir = folder.path(), .name = "", .version = "v"});
    log(logger, {{"a \"b\"", std::nan("")}, {"c", -std::numeric_limits<double>::infinity()}, {"d", 1e-7}}, 3);
    logger.log_hyperparams(levin::Dict{{"set", levin::Value::set({1})}});
  }
  std::istringstream text(read(folder / "v/events.jsonl"));
  std::string torn, row, params;
  std::getline(text, torn);
  std::getline(text, row);
  std::getline(text, params);
  CHECK(torn == "{\"time\": 1, \"eve");
  const levin::Value values = levin::parse_json(row, "row").at("values");
  CHECK(values.at("a \"b\"").as_string() == "nan");
  CHECK(values.at("c").as_string() == "-inf");
  CHECK(values.at("d").number() == 1e-7);
  CHECK(levin::parse_json(params, "params").at("values").at("set").as_string() == "{1}");
}

TEST_CASE("TensorBoard's file has whole records with their checksums") {
  const TemporaryFolder folder;
  levin::TensorBoardLogger logger({.save_dir = folder.path(), .name = "", .version = "v", .filename_suffix = ".mine"});
  logger.open("fit");
  const std::string path = event_file_in(folder / "v");
  CHECK(path.ends_with(".mine"));
  CHECK(records(read(path)).size() == 1);
  log(logger, {{"loss", 0.5}, {"epoch", 0, true}}, 0);
  logger.experiment().add_text("note", "text", 1);
  logger.experiment().add_image("image", at::rand({3, 5, 7}), 1);
  logger.experiment().add_histogram("h", at::rand({100}), 1);
  logger.finalize("success");
  const auto all = records(read(path));
  REQUIRE(all.size() == 5);
  for (const char* tag : {"loss", "epoch"}) CHECK(all[1].find(tag) != std::string::npos);  // a row is one event
  // Another run of the same Trainer goes on in the same file.
  logger.open("fit");
  log(logger, {{"loss", 0.25}}, 1);
  logger.finalize("success");
  CHECK(records(read(path)).size() == 6);
  CHECK(std::distance(fs::directory_iterator(folder / "v"), fs::directory_iterator()) == 2);
  CHECK(all[0].find("brain.Event:2") != std::string::npos);
  CHECK(all[3].find("\x89PNG") != std::string::npos);
}

TEST_CASE("TensorBoardLogger's folder has the sub_dir, and variables and ~ are expanded there") {
  const TemporaryFolder folder;
  ::setenv("LEVIN_TEST_FOLDER", folder.path().c_str(), 1);
  levin::TensorBoardLogger logger({.save_dir = "$LEVIN_TEST_FOLDER", .name = "n", .version = std::int64_t{1}, .sub_dir = "${LEVIN_NONE}s"});
  CHECK(logger.save_dir() == "$LEVIN_TEST_FOLDER");
  CHECK(logger.root_dir() == "$LEVIN_TEST_FOLDER/n");
  CHECK(logger.log_dir() == folder / "n/version_1/${LEVIN_NONE}s");
  levin::TensorBoardLogger home({.save_dir = "~/x", .name = "", .version = "v"});
  CHECK(home.log_dir() == std::string(std::getenv("HOME")) + "/x/v");
  levin::CSVLogger csv({.save_dir = "$LEVIN_TEST_FOLDER", .name = "", .version = "v"});
  CHECK(csv.log_dir() == "$LEVIN_TEST_FOLDER/v");
}

TEST_CASE("TensorBoardLogger always writes hparams.yaml, once; CSVLogger if there are hyperparameters, each time") {
  const TemporaryFolder folder;
  for (const auto& logger : one_of_each(folder.path(), "", {})) {
    logger->open("fit");
    logger->save();
  }
  CHECK_FALSE(fs::exists(folder / "version_0/hparams.yaml"));
  CHECK(read(folder / "version_1/hparams.yaml") == "{}\n");
  const auto loggers = one_of_each(folder.path(), "", {});
  for (const double lr : {0.5, 0.25}) {
    for (const auto& logger : loggers) {
      logger->log_hyperparams(levin::Dict{{"lr", lr}, {"b", levin::Dict{{"c", 1}}}});
      logger->save();
    }
  }
  CHECK(read(folder / "version_3/hparams.yaml") == "b:\n  c: 1\nlr: 0.25\n");
  CHECK(read(folder / "version_4/hparams.yaml") == "b:\n  c: 1\nlr: 0.5\n");
}

TEST_CASE("hyperparameters come to TensorBoard with hp_metric, unless that is switched off") {
  const TemporaryFolder folder;
  const levin::Dict params{{"lr", 0.5}, {"net", levin::Dict{{"layers", 2}}}};
  const auto texts = [&](bool default_metric, const levin::Value& metrics) {
    fs::remove_all(folder / "v");
    levin::TensorBoardLogger logger({.save_dir = folder.path(), .name = "", .version = "v", .default_hp_metric = default_metric});
    logger.open("fit");
    logger.log_hyperparams(params, metrics);
    logger.save();
    std::string out;
    for (const auto& record : records(read(event_file_in(folder / "v")))) out += record;
    return out;
  };
  const auto contains = [](const std::string& text, const char* part) { return text.find(part) != text.npos; };
  CHECK(contains(texts(true, {}), "hp_metric"));
  CHECK(contains(texts(true, {}), "net/layers"));
  CHECK_FALSE(contains(texts(false, {}), "_hparams_"));
  CHECK(contains(texts(false, 0.5), "hp_metric"));
  const std::string own = texts(true, levin::Dict{{"accuracy", 0.9}});
  CHECK((contains(own, "accuracy") && !contains(own, "hp_metric")));
}

TEST_CASE("hyperparameters that are saved come to the loggers, even if there are none") {
  for (const bool saved : {false, true}) {
    const TemporaryFolder folder;
    levin::CapturedMessages messages;
    TinyModule module;
    if (saved) module.save_hyperparameters(levin::Value::dict());
    levin::Trainer trainer(quiet({.logger = levin::make<levin::TensorBoardLogger>({.save_dir = folder.path(), .name = "", .version = "v"}),
                                  .max_epochs = 1, .enable_checkpointing = false}));
    trainer.fit(module, {.train = tiny_data(1)});
    const std::string all = read(event_file_in(folder / "v"));
    CHECK((all.find("hp_metric") != all.npos) == saved);
  }
}

TEST_CASE("images of other shapes are refused in a sentence") {
  const TemporaryFolder folder;
  levin::TensorBoardLogger logger({.save_dir = folder.path()});
  auto& writer = logger.experiment();
  CHECK_THROWS_WITH(writer.add_image("i", at::zeros({2, 4, 4})), Catch::Contains("1, 3 or 4 channels, not 2"));
  CHECK_THROWS_WITH(writer.add_image("i", at::zeros({4, 4})), Catch::Contains("input_format: CHW"));
  CHECK_THROWS_WITH(writer.add_image("i", at::zeros({3, 4, 4}), {}, {}, "CXY"), Catch::Contains("'CXY'"));
  CHECK_THROWS_WITH(writer.add_image("i", at::zeros({3, 0, 4})), Catch::Contains("at least one pixel"));
  CHECK_THROWS_WITH(writer.add_images("i", at::zeros({1, 4, 4, 4})), Catch::Contains("1 or 3 channels, got 4"));
  CHECK_THROWS_WITH(writer.add_histogram("h", at::zeros({0})), Catch::Contains("The input has no element."));
  CHECK_NOTHROW(writer.add_image("i", at::zeros({4, 4}), {}, {}, "HW"));
  CHECK_NOTHROW(writer.add_image("i", at::zeros({4, 4, 4}, at::kByte), {}, {}, "hwc"));
}

TEST_CASE("a histogram has its values between the buckets' ends, and an empty bucket in front") {
  const auto histogram = levin::tensorboard::make_histogram({-2, 0, 0, 1, 3});
  CHECK(histogram.num == 5);
  CHECK(histogram.sum == 2);
  CHECK(histogram.sum_squares == 14);
  CHECK((histogram.min == -2 && histogram.max == 3));
  REQUIRE(histogram.limits.size() == histogram.counts.size());
  CHECK(std::is_sorted(histogram.limits.begin(), histogram.limits.end()));
  CHECK(histogram.counts.front() == 0);
  CHECK(histogram.counts.back() == 1);
  double all = 0;
  for (const double count : histogram.counts) all += count;
  CHECK(all == 5);
  CHECK((histogram.limits.front() <= -2 && histogram.limits.back() >= 3));
  CHECK_THROWS_AS(levin::tensorboard::make_histogram({std::nan(""), 1e30}), levin::ValueError);
}

TEST_CASE("ranks other than 0 write nothing") {
  const TemporaryFolder folder;
  levin::set_console_rank(1);
  for (const auto& logger : one_of_each(folder.path(), "logs", {})) {
    logger->open("fit");
    log(*logger, {{"loss", 1}}, 0);
    logger->log_hyperparams(levin::Dict{{"lr", 1}});
    logger->finalize("success");
  }
  levin::TensorBoardLogger board({.save_dir = folder.path()});
  CHECK_NOTHROW(board.experiment().add_scalar("a", 1));
  CHECK_NOTHROW(board.experiment().flush());
  levin::set_console_rank(0);
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a full disk does not end a run") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{700, before.rlim_max};
  {
    TinyModule module;
    levin::Trainer trainer(quiet({.logger = levin::make<levin::JSONLLogger>({.save_dir = folder.path(), .name = "", .version = "v"}),
                                  .max_epochs = 20,
                                  .log_every_n_steps = 1,
                                  .enable_checkpointing = false}));
    ::setrlimit(RLIMIT_FSIZE, &tight);
    CHECK_NOTHROW(trainer.fit(module, {.train = tiny_data(4)}));
    const auto warnings = messages.warnings();
    CHECK(std::count_if(warnings.begin(), warnings.end(), [](const auto& w) { return w.find("The run goes on") != w.npos; }) == 1);
    CHECK(trainer.global_step() == 80);
    ::setrlimit(RLIMIT_FSIZE, &before);
  }
  std::signal(SIGXFSZ, handler);
  // There was room again before the logger went.
  CHECK(events(folder / "v/events.jsonl").size() == 82);
}
