#include "levin/framework/base/decisions/checkpoint_options.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;

TEST_CASE("bad checkpoint options are refused in Lightning's order and words") {
  struct Row {
    ModelCheckpointOptions options;
    const char* message;
  };
  const Row rows[] = {
      {{.save_top_k = -2, .mode = "foo"}, "`mode` can be min, max but got foo"},
      {{.save_top_k = -2, .every_n_train_steps = -1},
       "Invalid value for save_top_k=-2. Must be >= -1"},
      {{.every_n_train_steps = -1, .every_n_epochs = -1},
       "Invalid value for every_n_train_steps=-1. Must be >= 0"},
      {{.every_n_epochs = -1}, "Invalid value for every_n_epochs=-1. Must be >= 0"},
      {{.every_n_train_steps = 1, .every_n_epochs = 2},
       "Combination of parameters every_n_train_steps=1, every_n_epochs=2 and "
       "train_time_interval=None should be mutually exclusive."},
      {{.train_time_interval = Seconds(90), .every_n_epochs = 2},
       "Combination of parameters every_n_train_steps=0, every_n_epochs=2 and "
       "train_time_interval=0:01:30 should be mutually exclusive."},
      {{.save_top_k = 3},
       "ModelCheckpoint(save_top_k=3, monitor=None) is not a valid configuration. No quantity for "
       "top_k to track."},
  };
  for (const Row& row : rows) {
    CHECK_THROWS_WITH(CheckpointPlan(row.options), row.message);
    CHECK_THROWS_AS(CheckpointPlan(row.options), MisconfigurationException);
  }
}

TEST_CASE("without any trigger every epoch is one, and a given trigger turns the others off") {
  CHECK(CheckpointPlan({}).every_n_epochs == 1);
  CHECK(CheckpointPlan({.every_n_train_steps = 0}).every_n_epochs == 0);
  CHECK(CheckpointPlan({.train_time_interval = Seconds(0)}).every_n_epochs == 0);
}

TEST_CASE("the state key is Python's to the letter") {
  CHECK(CheckpointPlan({.monitor = "val_loss"}).state_key() ==
        "ModelCheckpoint{'monitor': 'val_loss', 'mode': 'min', 'every_n_train_steps': 0, "
        "'every_n_epochs': 1, "
        "'train_time_interval': None}");
  CHECK(CheckpointPlan({.mode = "max", .train_time_interval = Seconds(60)}).state_key("Mine") ==
        "Mine{'monitor': None, 'mode': 'max', 'every_n_train_steps': 0, 'every_n_epochs': 0, "
        "'train_time_interval': datetime.timedelta(seconds=60)}");
}

TEST_CASE("durations print as Python's timedelta") {
  struct Row {
    double seconds;
    const char *repr, *str;
  };
  const Row row =
      GENERATE(Row{0, "datetime.timedelta(0)", "0:00:00"},
               Row{86400, "datetime.timedelta(days=1)", "1 day, 0:00:00"},
               Row{200000.25, "datetime.timedelta(days=2, seconds=27200, microseconds=250000)",
                   "2 days, 7:33:20.250000"},
               Row{-1, "datetime.timedelta(days=-1, seconds=86399)", "-1 day, 23:59:59"},
               Row{1e-6, "datetime.timedelta(microseconds=1)", "0:00:00.000001"});
  CHECK(timedelta_repr(Seconds(row.seconds)) == row.repr);
  CHECK(timedelta_str(Seconds(row.seconds)) == row.str);
}

TEST_CASE("checkpoint options are read from a configuration with their types kept") {
  Value config;
  config["save_last"] = "link";
  config["train_time_interval"] = "00:00:01:00";
  config["save_top_k"] = -1;
  ModelCheckpointOptions options;
  read_fields(config, options, "checkpoint");
  CHECK(std::get<std::string>(options.save_last) == "link");
  CHECK(options.train_time_interval == Seconds(60));
  config["save_top"] = 1;
  CHECK_THROWS_AS(read_fields(config, options, "checkpoint"), KeyError);
  std::string names;
  for (const auto& field : describe_fields<ModelCheckpointOptions>()) names += field.name + " ";
  CHECK(names ==
        "dirpath filename monitor verbose save_last save_top_k save_on_exception save_weights_only "
        "mode auto_insert_metric_name "
        "every_n_train_steps train_time_interval every_n_epochs save_on_train_epoch_end "
        "enable_version_counter ");
}
