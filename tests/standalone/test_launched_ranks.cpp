// How a training under levin-run ends when one of its ranks does.
#include <algorithm>
#include <cstdio>

#include "ranks.h"

TEST_CASE("whatever ends one rank at whatever point, levin-run ends all within the grace, and says which rank and why") {
  struct How {
    const char* name;
    int exit_code;
    const char* said;
  };
  const How ways[] = {{"kill", 137, "SIGKILL"},
                      {"throw", 1, "this rank was told to fail"},
                      {"segv", 139, "SIGSEGV"},
                      {"exit", 1, "exit code 0 in the midst of its work"},
                      {"memory", 1, "allocate memory"}};
  const char* const points[] = {"forward", "backward", "save", "validation", "teardown"};
  const int runs = runs_or(5);
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) {
    const How& how = ways[run % 5];
    const std::string point = points[(run + run / 5) % 5], rank = std::to_string(run % 3);
    INFO("run " << run << ": rank " << rank << ", " << how.name << " at " << point);
    const TemporaryFolder folder;
    const Ran ran = run_program(launcher_line("--grace=5",
                                              "train batch=2 epochs=3 pids=1 validate=1 save=1 fail_at=" + point + " how=" + how.name + " fail_rank=" + rank +
                                                  " fail_step=" + std::to_string(1 + run % 7),
                                              folder.path()));
    const double end = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    INFO(ran.output);
    CHECK(ran.exit_code == how.exit_code);
    CHECK(ran.output.find("rank " + rank + " (local rank " + rank) != ran.output.npos);
    CHECK(ran.output.find(how.said) != ran.output.npos);
    for (int other = 0; other < 3; ++other) CHECK_FALSE(alive(pid_of(folder.path(), other)));
    const auto failed = numbers(folder.path() + "/failed");
    REQUIRE(failed.size() == 1);
    times.push_back(end - failed[0]);
    if (std::getenv("LEVIN_LONG")) std::printf("%3d rank %s %-6s at %-10s %.2f s\n", run, rank.c_str(), how.name, point.c_str(), times.back());
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) { return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))]; };
  std::printf("failures of training ranks under levin-run: %d runs, all gone after: median %.2f s, p99 %.2f s, longest %.2f s\n", runs, at(0.5), at(0.99), at(1));
  if (std::getenv("LEVIN_LONG")) CHECK(at(0.99) < 6);  // the grace and a second; the short form runs beside other tests
}

TEST_CASE("under levin-run, too, a failed save is the same error on every rank") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/checkpoints") << "a file where the folder should be";
  const Ran ran = run_program(launcher_line("", "train batch=2 save=1", folder.path()));
  INFO(ran.output);
  CHECK(ran.exit_code == 1);
  for (const char* rank : {"[rank 0] ", "[rank 1] ", "[rank 2] "}) CHECK(ran.output.find(std::string(rank) + "[Errno 20] Not a directory") != ran.output.npos);
}
