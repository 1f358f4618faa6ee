// How a run of several ranks ends when one of them does.
#include <random>

#include "ranks.h"

namespace {

// SIGTERM to a rank at a random moment, again and again: all stop at the same step, rank 0 saves it once, and all leave with 143.
template <class Line>
void check_sigterm(int runs, Line&& line, const std::string& never_said) {
  std::mt19937 random(static_cast<unsigned>(runs));
  double longest = 0;
  for (int run = 0; run < runs; ++run) {
    const TemporaryFolder folder;
    const int target = static_cast<int>(random() % 3), delay = static_cast<int>(random() % 400);
    INFO("run " << run << ": rank " << target << " after " << delay << " ms");
    Job job(line("train batch=2 epochs=100000 pids=1 pause_ms=2 validate=1 save=1", folder.path()));
    // Until training goes on: it has saved something.
    REQUIRE(comes([&] { return std::filesystem::exists(folder.path() + "/checkpoints/last.ckpt"); }));
    const pid_t pid = pid_of(folder.path(), target);
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    const auto start = Clock::now();
    ::kill(pid, SIGTERM);
    const Ran& ran = job.wait();
    longest = std::max(longest, seconds_since(start));
    INFO(ran.output);
    CHECK(ran.exit_code == 143);  // 124: it hung
    CHECK(ran.output.find(never_said) == ran.output.npos);
    CHECK(files(folder.path(), "hpc_ckpt_") == std::vector<std::string>{"hpc_ckpt_0.ckpt"});
    const auto step = numbers(folder.path() + "/stopped.0");
    REQUIRE(step.size() == 1);
    CHECK(numbers(folder.path() + "/stopped.1") == step);
    CHECK(numbers(folder.path() + "/stopped.2") == step);
  }
  if (!std::getenv("LEVIN_LONG")) return;  // the short form runs beside other tests
  std::printf("SIGTERM to one rank: %d runs, all gone after %.2f s at most\n", runs, longest);
  CHECK(longest < 5);  // the grace
}

}  // namespace

TEST_CASE("SIGTERM to any one rank: all stop at the same step, save it once and leave with 143") {
  check_sigterm(runs_or(6), [](const std::string& what, const std::string& folder) { return rank_line(what + " devices=3", folder); }, "failed on rank");
}

TEST_CASE("levin-run does not start a job again that SIGTERM to one of its ranks has ended") {
  check_sigterm(runs_or(3), [](const std::string& what, const std::string& folder) { return launcher_line("--max-restarts=3", what, folder); }, "restart 1");
}

TEST_CASE("one rank's failure ends all, and is told with its rank") {
  struct Case {
    const char *how, *phase, *more;
  };
  const Case cases[] = {{"throw", "forward", ""}, {"throw", "backward", ""},       {"throw", "backward", "many=1"}, {"throw", "validation", ""}, {"throw", "save", ""},
                        {"throw", "teardown", ""}, {"kill", "forward", ""},        {"kill", "forward", "many=1"},   {"segv", "backward", ""},    {"exit", "forward", ""},
                        {"memory", "validation", ""}};
  for (const Case& c : cases) {
    INFO(c.how << " at " << c.phase << " " << c.more);
    const TemporaryFolder folder;
    const Ran ran = run_ranks(std::string("train devices=3 batch=2 epochs=3 pids=1 validate=1 save=1 fail_at=") + c.phase + " how=" + c.how + " " + c.more, folder.path());
    INFO(ran.output);
    CHECK(ran.exit_code != 0);
    CHECK(ran.exit_code != 124);  // it hung
    CHECK(ran.output.find("rank 1") != ran.output.npos);
    for (int rank = 0; rank < 3; ++rank) CHECK_FALSE(alive(pid_of(folder.path(), rank)));
  }
}

TEST_CASE("a rank that lives, but does not come, is named when the others' time is up") {
  for (const std::string phase : {"forward", "validation"}) {
    INFO(phase);
    const TemporaryFolder folder;
    const Ran ran = run_ranks("train devices=3 batch=2 epochs=3 validate=1 strategy=ddp timeout=2 how=hang fail_at=" + phase, folder.path());
    INFO(ran.output);
    CHECK(ran.exit_code == 1);
    CHECK(ran.output.find("rank 1 lives, but has not come to where the others wait for it") != ran.output.npos);
  }
}

TEST_CASE("when rank 0 is killed nobody stays") {
  for (int run = 0; run < runs_or(3); ++run) {
    const TemporaryFolder folder;
    Job job(rank_line("train devices=3 batch=2 epochs=100000 pids=1 pause_ms=1", folder.path()));
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
