// ModelCheckpoint on a machine whose date is set back or forward. The process's `clock_gettime` is in the test's hand.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/clock.h"
#include "levin/framework/base/console.h"
#include "levin/framework/strategies/strategy.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

// Added to the machine's clocks, in seconds.
std::atomic<long> steady_ahead = 0, date_ahead = 0;

}  // namespace

// Stands in front of the C library's for every library of this program.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_MONOTONIC) time->tv_sec += steady_ahead;
  if (clock == CLOCK_REALTIME) time->tv_sec += date_ahead;
  return static_cast<int>(result);
}

namespace {

constexpr long day = 24 * 60 * 60;

// A batch takes 100 s; `jump` is what somebody does to the date after the fourth and takes back after the ninth.
class Slow : public TinyModule {
 public:
  explicit Slow(long jump) : jump_(jump) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    steady_ahead += 100;
    date_ahead += 100;
    if (global_step() == 4) date_ahead += jump_;
    if (global_step() == 9) date_ahead -= 2 * jump_;
    return TinyModule::training_step(batch, batch_idx);
  }

 private:
  long jump_;
};

// Puts the clocks right again.
struct Watchmaker {
  ~Watchmaker() { steady_ahead = date_ahead = 0; }
};

struct Result {
  std::vector<std::string> files;
  std::string resumed_from;
};

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  return files;
}

// A rank whose rank 0 finds the time over after other batches than its own clock does: the second and the fifth.
class FollowingRank : public levin::Strategy {
 public:
  using Strategy::broadcast;
  levin::Value broadcast(const levin::Value& value, int) override {
    if (!value.is_bool()) return value;
    own_answers.push_back(value.as_bool());
    return own_answers.size() == 2 || own_answers.size() == 5;
  }
  std::vector<bool> own_answers;
};

Result train(const std::string& folder, long jump, std::int64_t epochs, std::optional<std::string> ckpt_path = {}) {
  const Watchmaker at_the_end;
  levin::CapturedMessages messages;
  Slow module(jump);
  levin::Trainer trainer(quiet(
      {.callbacks = {levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "{step}", .save_last = true, .save_top_k = -1,
                                                          .train_time_interval = levin::Seconds(250)})},
       .max_epochs = epochs}));
  trainer.fit(module, {.train = tiny_data(7), .ckpt_path = std::move(ckpt_path)});
  return {names_in(folder), trainer.ckpt_path()};
}

}  // namespace

TEST_CASE("the date of this test's machine does jump, and its steady clock does not") {
  const Watchmaker at_the_end;
  const double steady = levin::real_clock().now(), date = levin::real_clock().wall();
  date_ahead += day;
  CHECK(levin::real_clock().wall() - date > day - 60);
  CHECK(levin::real_clock().now() - steady < 60);
}

TEST_CASE("train_time_interval counts time that passes, whatever is done to the date") {
  const std::vector<std::string> every_third{"last.ckpt", "step=12.ckpt", "step=3.ckpt", "step=6.ckpt", "step=9.ckpt"};
  for (const long jump : {0L, day, -day}) {
    INFO("the date jumps by " << jump << " s");
    const TemporaryFolder folder;
    CHECK(train(folder.path(), jump, 2).files == every_third);
  }
}

TEST_CASE("last is the file that was saved last, whatever is done to the date") {
  for (const long jump : {0L, day, -day}) {
    INFO("the date jumps by " << jump << " s");
    const TemporaryFolder folder;
    train(folder.path(), jump, 1);
    // What the folder has by then looks a day newer or older than what comes.
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      std::filesystem::last_write_time(entry.path(), std::filesystem::file_time_type::clock::now() - std::chrono::seconds(jump));
    std::filesystem::copy_file(folder / "last.ckpt", folder / "last-v1.ckpt");
    train(folder.path(), jump, 2, folder / "last.ckpt");
    const Result resumed = train(folder.path(), jump, 3, "last");
    CHECK(resumed.resumed_from == folder / "last.ckpt");
  }
}

TEST_CASE("rank 0's clock decides for all ranks whether train_time_interval is over, and all clocks start again then") {
  const Watchmaker at_the_end;
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  Slow module(0);
  const auto strategy = std::make_shared<FollowingRank>();
  levin::Trainer trainer(quiet({.strategy = std::shared_ptr<levin::Strategy>(strategy),
                                .callbacks = {levin::make<levin::ModelCheckpoint>({.dirpath = folder.path(), .filename = "{step}", .save_top_k = -1,
                                                                                   .train_time_interval = levin::Seconds(250)})},
                                .max_epochs = 1}));
  trainer.fit(module, {.train = tiny_data(7)});
  CHECK(names_in(folder.path()) == std::vector<std::string>{"step=2.ckpt", "step=5.ckpt"});
  CHECK(strategy->own_answers == std::vector<bool>{false, false, false, false, true, false, false});
}
