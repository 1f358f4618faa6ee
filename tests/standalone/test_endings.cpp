// How a run of several ranks ends when one of them does.
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "ranks.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

pid_t pid_of(const std::string& folder, int rank) {
  const std::string file = folder + "/pid." + std::to_string(rank);
  REQUIRE(comes([&] { return std::filesystem::exists(file); }));
  return static_cast<pid_t>(numbers(file).at(0));
}

/// Runs ranks beside the test; ends with them, even if the test does not get that far.
class Job {
 public:
  Job(const std::string& what, const std::string& folder) : thread_([this, what, folder] { ran_ = run_ranks(what, folder); }) {}
  ~Job() {
    if (thread_.joinable()) thread_.join();
  }
  const Ran& wait() {
    thread_.join();
    return ran_;
  }

 private:
  Ran ran_;
  std::thread thread_;
};

std::vector<std::string> files(const std::string& folder, const std::string& prefix) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with(prefix)) out.push_back(entry.path().filename().string());
  return out;
}

bool alive(pid_t pid) { return ::kill(pid, 0) == 0 && contents("/proc/" + std::to_string(pid) + "/stat").find(") Z") == std::string::npos; }

}  // namespace

TEST_CASE("SIGTERM to any one rank: all stop at the same step, save it once and leave with 143") {
  std::mt19937 random(static_cast<unsigned>(runs_or(1)));
  for (int run = 0; run < runs_or(6); ++run) {
    const TemporaryFolder folder;
    const int target = static_cast<int>(random() % 3), delay = static_cast<int>(random() % 400);
    INFO("run " << run << ": rank " << target << " after " << delay << " ms");
    Job job("train devices=3 batch=2 epochs=100000 pids=1 pause_ms=2 validate=1 save=1", folder.path());
    // Until training goes on: it has saved something.
    REQUIRE(comes([&] { return std::filesystem::exists(folder.path() + "/checkpoints/last.ckpt"); }));
    const pid_t pid = pid_of(folder.path(), target);
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    const auto start = Clock::now();
    ::kill(pid, SIGTERM);
    const Ran& ran = job.wait();
    INFO(ran.output);
    CHECK(ran.exit_code == 143);  // 124: it hung
    if (std::getenv("LEVIN_LONG")) CHECK(seconds_since(start) < 5);  // the grace; the short form runs beside other tests
    CHECK(files(folder.path(), "hpc_ckpt_") == std::vector<std::string>{"hpc_ckpt_0.ckpt"});
    const auto step = numbers(folder.path() + "/stopped.0");
    REQUIRE(step.size() == 1);
    CHECK(numbers(folder.path() + "/stopped.1") == step);
    CHECK(numbers(folder.path() + "/stopped.2") == step);
  }
}

TEST_CASE("one rank's failure ends all, and is told with its rank") {
  struct Case {
    const char *how, *phase, *told;
  };
  const Case cases[] = {{"throw", "forward", "rank 1"}, {"throw", "backward", "rank 1"}, {"throw", "validation", "rank 1"}, {"throw", "save", "rank 1"},
                        {"throw", "teardown", "rank 1"}, {"kill", "forward", "rank 1"},  {"segv", "backward", "rank 1"},  {"exit", "forward", "rank 1"},
                        {"memory", "validation", "rank 1"}};
  for (const Case& c : cases) {
    INFO(c.how << " at " << c.phase);
    const TemporaryFolder folder;
    const Ran ran = run_ranks(std::string("train devices=3 batch=2 epochs=3 pids=1 validate=1 save=1 fail_at=") + c.phase + " how=" + c.how, folder.path());
    INFO(ran.output);
    CHECK(ran.exit_code != 0);
    CHECK(ran.exit_code != 124);  // it hung
    CHECK(ran.output.find(c.told) != ran.output.npos);
    for (int rank = 0; rank < 3; ++rank) CHECK_FALSE(alive(pid_of(folder.path(), rank)));
  }
}

TEST_CASE("when rank 0 is killed nobody stays") {
  for (int run = 0; run < runs_or(3); ++run) {
    const TemporaryFolder folder;
    Job job("train devices=3 batch=2 epochs=100000 pids=1 pause_ms=1", folder.path());
    std::vector<pid_t> pids;
    for (int rank = 0; rank < 3; ++rank) pids.push_back(pid_of(folder.path(), rank));
    ::kill(pids[0], SIGKILL);
    job.wait();
    for (const pid_t pid : pids) CHECK(comes([&] { return !alive(pid); }, std::chrono::seconds(20)));
  }
}

TEST_CASE("ranks with numbers of their own come to rank 0's decisions") {
  for (int run = 0; run < runs_or(8); ++run) {
    INFO("run " << run);
    const TemporaryFolder folder;
    const Ran ran = run_ranks("metrics devices=4 batch=2 epochs=5 seed=" + std::to_string(run), folder.path());
    INFO(ran.output);
    REQUIRE(ran.exit_code == 0);
    const std::string decisions = contents(folder.path() + "/decisions.0");
    CHECK(decisions.size() > 10);
    for (int rank = 1; rank < 4; ++rank) CHECK(contents(folder.path() + "/decisions." + std::to_string(rank)) == decisions);
  }
}

TEST_CASE("a job that lost a rank goes on from `last` and ends with the same weights") {
  const std::string common = "train devices=2 batch=4 epochs=3 validate=1 save=1 every=3 optimizer=adamw ";
  const TemporaryFolder whole, folder;
  REQUIRE(run_ranks(common, whole.path()).exit_code == 0);
  CHECK(run_ranks(common + "fail_at=forward fail_step=13 how=kill", folder.path()).exit_code != 0);
  const Ran again = run_ranks(common + "resume=last", folder.path());
  INFO(again.output);
  REQUIRE(again.exit_code == 0);
  CHECK(numbers(folder.path() + "/weights.0") == numbers(whole.path() + "/weights.0"));
}

TEST_CASE("another number of ranks goes on in the middle of an epoch") {
  const std::string common = "train epochs=2 save=1 every=3 ";
  const TemporaryFolder folder;
  REQUIRE(run_ranks(common + "devices=2 batch=4 max_steps=3", folder.path()).exit_code == 0);
  for (const char* devices : {"devices=1 batch=8", "devices=4 batch=2"}) {
    INFO(devices);
    const TemporaryFolder next;
    const Ran ran = run_ranks(common + devices + " resume=" + folder.path() + "/checkpoints/last.ckpt", next.path());
    INFO(ran.output);
    CHECK(ran.exit_code == 0);
    CHECK(ran.output.find("shared out anew") != ran.output.npos);
  }
}

TEST_CASE("a failed save is the same error on every rank") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/checkpoints") << "a file where the folder should be";
  const Ran ran = run_ranks("train devices=2 batch=4 save=1", folder.path());
  INFO(ran.output);
  CHECK(ran.exit_code == 1);
  // Both say it, with the same words.
  const auto said_by = [&](const std::string& rank) {
    const auto at = ran.output.find(rank);
    REQUIRE(at != ran.output.npos);
    return ran.output.substr(at + rank.size(), ran.output.find('\n', at) - at - rank.size());
  };
  CHECK(said_by("[rank 0]").find("checkpoints") != std::string::npos);
  CHECK(said_by("[rank 0]") == said_by("[rank 1]"));
}
