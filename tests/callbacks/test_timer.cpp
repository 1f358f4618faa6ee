// Timer and max_time, on a clock that the test moves.
#include "levin/callbacks/timer.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

/// Every training step takes two seconds, every validation step five.
class Slow : public TinyModule {
 public:
  explicit Slow(levin::FakeClock& c) : clock(c) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
    clock.advance(2);
    return TinyModule::training_step(batch, idx);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t idx) override {
    clock.advance(5);
    return TinyModule::validation_step(batch, idx);
  }
  levin::FakeClock& clock;
};

levin::TrainerOptions with(std::shared_ptr<levin::Timer> timer, levin::TrainerOptions options = {}) {
  options.callbacks = {std::move(timer)};
  options.enable_checkpointing = false;
  options.num_sanity_val_steps = 0;
  return quiet(std::move(options));
}

std::string message_of(const levin::TimerOptions& options) {
  try {
    const levin::Timer timer(options);
  } catch (const levin::MisconfigurationException& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a timer measures each stage from its start to its end") {
  const levin::CapturedMessages messages;
  levin::FakeClock clock;
  clock.advance(100);
  const auto timer = std::make_shared<levin::Timer>(levin::TimerOptions{}, clock);
  CHECK((timer->time_elapsed() == 0 && !timer->start_time() && !timer->end_time() && !timer->time_remaining()));
  Slow module(clock);
  levin::Trainer trainer(with(timer, {.max_epochs = 1}));
  trainer.fit(module, {.train = tiny_data(3), .val = tiny_data(2)});
  CHECK((timer->start_time("train") == 100 && timer->end_time("train") == 116 && timer->time_elapsed("train") == 16));
  CHECK((timer->start_time("validate") == 106 && timer->end_time("validate") == 116 && timer->time_elapsed("validate") == 10));
  CHECK((timer->time_elapsed("test") == 0 && !timer->start_time("test")));
  CHECK_THROWS_AS(timer->time_elapsed("training"), levin::ValueError);
}

TEST_CASE("training stops after the duration, by step or by epoch, and says so") {
  struct Row {
    std::variant<std::string, levin::Seconds> duration;
    const char* interval;
    std::int64_t steps;
    const char* elapsed;
  };
  const Row rows[] = {{levin::Seconds(5), "step", 3, "0:00:06"},
                      {std::string("00:00:00:06"), "step", 3, "0:00:06"},
                      {levin::Seconds(5), "epoch", 4, "0:00:08"},
                      {std::chrono::minutes(0), "step", 0, "0:00:00"}};
  for (const Row& row : rows) {
    const levin::CapturedMessages messages;
    levin::FakeClock clock;
    const auto timer = std::make_shared<levin::Timer>(levin::TimerOptions{.duration = row.duration, .interval = row.interval}, clock);
    Slow module(clock);
    levin::Trainer trainer(with(timer));
    trainer.fit(module, {.train = tiny_data(4)});
    CHECK(trainer.global_step() == row.steps);
    CHECK(messages.infos().at(0) == std::string("Time limit reached. Elapsed time is ") + row.elapsed + ". Signaling Trainer to stop.");
    for (const auto& warning : messages.warnings()) CHECK(warning.find("1000 epochs") == warning.npos);
    CHECK(trainer.max_epochs() == -1);
  }
}

TEST_CASE("min_steps goes before the time limit") {
  const levin::CapturedMessages messages;
  levin::FakeClock clock;
  const auto timer = std::make_shared<levin::Timer>(levin::TimerOptions{.duration = levin::Seconds(3), .verbose = false}, clock);
  Slow module(clock);
  levin::Trainer trainer(with(timer, {.min_steps = 4}));
  trainer.fit(module, {.train = tiny_data(4)});
  CHECK(trainer.global_step() == 4);
  for (const auto& text : messages.infos()) CHECK(text.find("Time limit") == text.npos);
}

TEST_CASE("the time of a resumed run counts") {
  levin::FakeClock clock;
  levin::Timer timer({.duration = std::chrono::hours(1)}, clock);
  timer.load_state_dict(levin::Dict{{"time_elapsed", levin::Dict{{"train", 3000.0}, {"validate", 5.0}}}});
  CHECK((timer.time_elapsed() == 3000 && timer.time_remaining() == 600 && timer.time_elapsed("validate") == 0));
  CHECK(timer.state_dict().repr() ==
        "{'time_elapsed': {'train': 3000.0, 'sanity_check': 0.0, 'validate': 0.0, 'test': 0.0, 'predict': 0.0}}");
}

TEST_CASE("wrong durations and intervals are refused in Lightning's words") {
  CHECK(message_of({.duration = "1:2"}) == "`Timer(duration='1:2')` is not a valid duration. Expected a string in the format DD:HH:MM:SS.");
  CHECK(message_of({.interval = "batch"}) == "Unsupported parameter value `Timer(interval=batch)`. Possible choices are: step, epoch");
  CHECK(message_of({.duration = " 400:00:00:01 "}) == "");
}

TEST_CASE("max_time adds a timer unless there is one") {
  const levin::CapturedMessages messages;
  const auto timers = [](const levin::Trainer& trainer) {
    return std::count_if(trainer.callbacks().begin(), trainer.callbacks().end(), [](const auto& c) { return c->is_timer(); });
  };
  CHECK(timers(levin::Trainer(quiet({.max_time = "00:00:01:00"}))) == 1);
  CHECK(messages.infos().empty());
  CHECK(timers(levin::Trainer(quiet({.callbacks = {std::make_shared<levin::Timer>()}, .max_time = std::chrono::hours(2)}))) == 1);
  CHECK(messages.infos() == std::vector<std::string>{"Ignoring `Trainer(max_time=...)`, callbacks list already contains a Timer."});
}
