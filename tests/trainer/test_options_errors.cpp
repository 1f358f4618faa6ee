// What Trainer(...) says to wrong arguments, alone and in pairs, against Lightning's recorded errors (tests/conformance/record.py).
#include <algorithm>
#include <cstdlib>

#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/precision/precision.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

std::string first_sentence(const std::string& message) {
  // A full stop ends a sentence when a space or nothing follows it.
  for (std::size_t i = message.find('.'); i != message.npos; i = message.find('.', i + 1))
    if (i + 1 == message.size() || message[i + 1] == ' ') return message.substr(0, i + 1);
  return message;
}

/// "Class: message" of what making the Trainer throws, "" if nothing.
std::string error_of(levin::TrainerOptions options) {
  const levin::CapturedMessages messages;
  try {
    const levin::Trainer trainer(std::move(options));
  } catch (const levin::Error& error) {
    return std::string(error.name()) + ": " + error.what();
  }
  return "";
}

std::string error_of(const levin::Value& given) {
  levin::TrainerOptions options;
  try {
    levin::read_fields(given, options, "");
  } catch (const levin::Error& error) {
    // The path in front is ours.
    const std::string message = error.what();
    const std::string prefix = given.as_dict().begin()->first.as_string() + ": ";
    return std::string(error.name()) + ": " + (message.starts_with(prefix) ? message.substr(prefix.size()) : message);
  }
  return error_of(std::move(options));
}

/// An environment variable for as long as it lives.
struct Variable {
  Variable(const char* n, const char* value) : name(n) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name); }
  const char* name;
};

}  // namespace

TEST_CASE("wrong options are refused in Lightning's words and order") {
  const levin::Value rows = levin::read_json_file(LEVIN_SOURCE_DIR "/tests/conformance/golden/option_errors.json");
  REQUIRE(rows.size() > 80);
  for (const levin::Value& row : rows.items()) {
    INFO(row.at("options").repr());
    const std::string got = error_of(row.at("options"));
    const levin::Value* message = row.find("message");
    if (!message) {
      CHECK(got == "");
      continue;
    }
    const std::string expected = row.at("error").as_string() + ": " + message->as_string();
    const std::string shared = "it can only be one of ['simple', 'advanced', 'pytorch'";
    if (expected.find(shared) != expected.npos) CHECK(got.substr(0, got.find(shared)) == expected.substr(0, expected.find(shared)));
    else if (expected.ends_with("gpu backend found!")) CHECK(got.starts_with(expected));  // and why there is none
    else CHECK(first_sentence(got) == first_sentence(expected));
  }
  // Process-wide flags that some rows set.
  CHECK(error_of(levin::TrainerOptions{.deterministic = false, .benchmark = false}) == "");
}

TEST_CASE("plugins: one of a kind, none null, and precision is given once") {
  const auto io = std::make_shared<levin::CheckpointIO>();
  const auto precision = std::make_shared<levin::Precision>();
  struct Row {
    levin::TrainerOptions options;
    const char* error;
  };
  const Row rows[] = {
      {{.plugins = {io, precision}}, ""},
      {{.plugins = {io, io}}, "MisconfigurationException: Received multiple values for CheckpointIO flags in `plugins`. Expected one value for "
                              "each type at most."},
      {{.plugins = {precision, io, precision}}, "MisconfigurationException: Received multiple values for Precision flags in `plugins`. Expected "
                                                "one value for each type at most."},
      {{.plugins = {std::shared_ptr<levin::CheckpointIO>()}}, "MisconfigurationException: Found invalid type for plugin None. Expected one of: "
                                                              "Precision, CheckpointIO, ClusterEnvironment, or LayerSync."},
      {{.precision = "32-true", .plugins = {precision}}, "ValueError: Received both `precision=32-true` and `plugins=Precision`. Choose one."},
  };
  for (const Row& row : rows) CHECK(error_of(row.options) == row.error);
}

TEST_CASE("what this version does not have is refused with a sentence that says so") {
  const levin::TrainerOptions rows[] = {{.strategy = "fsdp"}, {.precision = "transformer-engine"}};
  for (const auto& options : rows) CHECK(error_of(options).find("his version") != std::string::npos);
}

TEST_CASE("strategies by name") {
  CHECK(error_of(levin::TrainerOptions{.strategy = "ddp", .devices = 2}) == "");
  CHECK(error_of(levin::TrainerOptions{.strategy = "DDP_find_unused_parameters_true"}) == "");
  CHECK(error_of(levin::TrainerOptions{.strategy = "ddp_spawn_find_unused_parameters_true"}).find("`strategy='ddp_find_unused_parameters_true'`") != std::string::npos);
  CHECK(error_of(levin::TrainerOptions{.strategy = "deepspeed_stage_2"}).find("ddp_zero1") != std::string::npos);
  CHECK(error_of(levin::TrainerOptions{.strategy = "single_device", .devices = 2}).find("`strategy='ddp'`") != std::string::npos);
  CHECK(error_of(levin::TrainerOptions{.num_nodes = 2}).find("MASTER_ADDR") != std::string::npos);
  levin::set_console_rank(0);
}

TEST_CASE("options come from PL_TRAINER_ variables unless they are given") {
  const levin::CapturedMessages messages;
  const Variable epochs("PL_TRAINER_MAX_EPOCHS", "7"), limit("PL_TRAINER_LIMIT_VAL_BATCHES", "0.5"), time("PL_TRAINER_MAX_TIME", "00:00:00:05"),
      logger("PL_TRAINER_LOGGER", "False"), empty("PL_TRAINER_MIN_EPOCHS", ""), other("PL_TRAINER_NO_SUCH_OPTION", "1");
  const levin::Trainer trainer;
  CHECK(trainer.max_epochs() == 7);
  CHECK(trainer.limit_val_batches() == levin::BatchLimit(0.5));
  CHECK(trainer.loggers().empty());
  CHECK(std::any_of(trainer.callbacks().begin(), trainer.callbacks().end(), [](const auto& c) { return c->is_timer(); }));
  const levin::Trainer given({.max_epochs = 3});
  CHECK(given.max_epochs() == 3);
}

TEST_CASE("a PL_TRAINER_ variable of the wrong type is named") {
  const Variable epochs("PL_TRAINER_MAX_EPOCHS", "many");
  CHECK(error_of(levin::TrainerOptions{}).starts_with("TypeError: PL_TRAINER_MAX_EPOCHS: "));
}

TEST_CASE("callbacks that contradict options are refused") {
  class Bar : public levin::Callback {
   public:
    bool is_progress_bar() const override { return true; }
  };
  const auto bar = std::make_shared<Bar>(), second = std::make_shared<Bar>();
  CHECK(error_of({.callbacks = {bar, second}}) ==
        "MisconfigurationException: You added multiple progress bar callbacks to the Trainer, but currently only one progress bar is supported.");
  CHECK(error_of({.callbacks = {bar}, .enable_progress_bar = false}) ==
        "MisconfigurationException: Trainer was configured with `enable_progress_bar=False` but found `Bar` in callbacks list.");
}
