// Log folders, console and files, the end of a job: whole runs of levin-run.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "support/catch.h"
#include "support/run_program.h"
#include "support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

// Each rank says its number on both streams.
Ran say(const std::string& flags, const std::string& program = "echo out $RANK; echo err $RANK >&2") {
  static const TemporaryFolder scratch;
  return run_program("TMPDIR=" + scratch.path() + " OMP_NUM_THREADS=1 " + LEVIN_BINARY_DIR + "/bin/levin-run --standalone --nproc-per-node=2 " + flags +
                     " bash -c '" + program + "'");
}

std::multiset<std::string> lines(const std::string& text) {
  std::multiset<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.insert(line);
  return out;
}

using Lines = std::multiset<std::string>;

// The folder of a round in DIR, whatever its random name is.
fs::path round_folder(const fs::path& dir, int round) {
  for (const auto& entry : fs::directory_iterator(dir)) return entry.path() / ("attempt_" + std::to_string(round));
  return {};
}

}  // namespace

TEST_CASE("streams go to the console, to files, or to both") {
  const struct {
    const char* flags;
    Lines console;
    const char *out0, *err1;
  } cases[] = {
      {"", {"out 0", "out 1", "err 0", "err 1"}, "", ""},
      {"-r 3", {}, "out 0\n", "err 1\n"},
      {"-r 1", {"err 0", "err 1"}, "out 0\n", ""},
      {"-t 3", {"[default0]:out 0", "[default1]:out 1", "[default0]:err 0", "[default1]:err 1"}, "out 0\n", "err 1\n"},
      {"-r 0:3 -t 1:2", {"out 1", "[default1]:err 1"}, "out 0\n", "err 1\n"},
      {"-t 3 --local-ranks-filter=1 --role=w", {"[w1]:out 1", "[w1]:err 1"}, "out 0\n", "err 1\n"},
      {"--local-ranks-filter=0", {"out 0", "err 0"}, "", ""},
  };
  for (const auto& c : cases) {
    INFO(c.flags);
    const TemporaryFolder folder;
    const Ran ran = say(std::string(c.flags) + " --log-dir " + folder.path());
    CHECK(ran.exit_code == 0);
    CHECK(lines(ran.output) == c.console);
    const fs::path round = round_folder(folder.path(), 0);
    CHECK(content(round / "0" / "stdout.log") == c.out0);
    CHECK(content(round / "1" / "stderr.log") == c.err1);
  }
}

TEST_CASE("the log folder has the job's name, a folder per attempt and one per rank") {
  const TemporaryFolder folder;
  const Ran ran = run_program("OMP_NUM_THREADS=1 " + std::string(LEVIN_BINARY_DIR) + "/bin/levin-run --master-port=0 --rdzv-id=job/7 --max-restarts=1 -r 3 --log-dir " +
                              folder.path() + " bash -c 'echo $TORCHELASTIC_RESTART_COUNT; exit 3'");
  CHECK(ran.exit_code == 3);
  REQUIRE(folder.names().size() == 1);
  CHECK(folder.names().front().starts_with("job_7_"));
  CHECK(content(round_folder(folder.path(), 0) / "0" / "stdout.log") == "0\n");
  CHECK(content(round_folder(folder.path(), 1) / "0" / "stdout.log") == "1\n");
  CHECK(ran.output.find("restart 1 of 1") != std::string::npos);
}

TEST_CASE("without a log folder nothing stays of a job that succeeds; of a failed one what there is to read") {
  const TemporaryFolder folder;
  const std::string here = "TMPDIR=" + folder.path() + " OMP_NUM_THREADS=1 " + std::string(LEVIN_BINARY_DIR) + "/bin/levin-run --standalone ";
  CHECK(run_program(here + "true").exit_code == 0);
  CHECK(folder.names().empty());
  CHECK(run_program(here + "false").exit_code == 1);
  CHECK(folder.names().empty());  // nothing to read
  const Ran failed = run_program(here + "-r 3 bash -c 'echo why; exit 1'");
  REQUIRE(folder.names().size() == 1);
  const std::string left = folder / folder.names().front();
  CHECK(failed.output.find("logs and error files are in " + left) != std::string::npos);
  CHECK(content(left + "/attempt_0/0/stdout.log") == "why\n");
  fs::remove_all(left);
  CHECK(run_program(here + "--log-dir /dev/null bash -c 'test -z \"$TORCHELASTIC_ERROR_FILE\"; exit 1'").exit_code == 1);
  CHECK(folder.names().empty());
}

TEST_CASE("lines with a wanted text are collected from all ranks") {
  const TemporaryFolder folder;
  say("-t 3 --duplicate-stdout-filters=out --log-dir " + folder.path(), "echo out $RANK; echo other");
  CHECK(lines(content(round_folder(folder.path(), 0) / "filtered_stdout.log")) == Lines{"[default0]:out 0", "[default1]:out 1"});
}

TEST_CASE("what a failing rank said last is shown, when nobody could see it") {
  const Ran ran = say("-r 3", "echo the reason is here >&2; exit $((RANK * 4))");
  CHECK(ran.exit_code == 4);
  CHECK(ran.output.find("rank 1 ") != std::string::npos);
  CHECK(ran.output.find("ended with exit code 4") != std::string::npos);
  CHECK(ran.output.find("the reason is here") != std::string::npos);
}

TEST_CASE("the exit code is the first failing rank's, 128 + signal for a signal") {
  CHECK(say("", "exit $((RANK * 9))").exit_code == 9);
  CHECK(say("", "[ $RANK = 0 ] || kill -SEGV $BASHPID; exec sleep 60").exit_code == 139);
  CHECK(say("", "[ $RANK = 1 ] || kill -KILL $BASHPID; exec sleep 60").exit_code == 137);
}

TEST_CASE("a rank that is asked to end is not started again") {
  const Ran ran = say("--max-restarts=3", "[ $RANK = 0 ] && kill -TERM $BASHPID; sleep 0.1; exit 143");
  CHECK(ran.exit_code == 143);
  CHECK(ran.output.find("restart 1") == std::string::npos);
}

TEST_CASE("a signal to the launcher goes to the ranks, which have their time to end") {
  const TemporaryFolder folder;
  const std::string rank = "bash -c 'trap \"echo saved $RANK; exit 0\" INT; touch $0/$RANK; while :; do sleep 0.05; done' " + folder.path();
  const Ran ran = run_program("OMP_NUM_THREADS=1 env --default-signal=INT timeout --foreground -k 1 60 " + std::string(LEVIN_BINARY_DIR) +
                              "/bin/levin-run --standalone --grace=30 --nproc-per-node=2 " + rank + " & job=$!; cd " + folder.path() +
                              "; while kill -0 $job && [ ! -e 0 -o ! -e 1 ]; do sleep 0.02; done; kill -INT $job; wait $job; echo code $?");
  CHECK(ran.output.find("code 130") != std::string::npos);
  CHECK(ran.output.find("saved 0") != std::string::npos);
  CHECK(ran.output.find("saved 1") != std::string::npos);
}

TEST_CASE("an arm's length of environment: ranks know each other's place") {
  const Ran ran = say("", "echo $RANK/$WORLD_SIZE/$LOCAL_RANK/$LOCAL_WORLD_SIZE/$GROUP_RANK/$MASTER_ADDR/$TORCHELASTIC_USE_AGENT_STORE");
  CHECK(lines(ran.output) == Lines{"0/2/0/2/0/127.0.0.1/True", "1/2/1/2/0/127.0.0.1/True"});
}

TEST_CASE("a port that is taken is an error that names it") {
  const std::string run = "OMP_NUM_THREADS=1 " + std::string(LEVIN_BINARY_DIR) + "/bin/levin-run --master-port=";
  const Ran ran = run_program(run + "0 bash -c '" + run + "$MASTER_PORT true'");
  CHECK(ran.exit_code == 1);
  CHECK(ran.output.find("Address already in use: listening on 127.0.0.1:") != std::string::npos);
}

TEST_CASE("a program that can't be executed is an error, whatever it looks like") {
  const TemporaryFolder folder;
  std::ofstream(folder / "broken") << "#!/no/such/interpreter\n";
  fs::permissions(folder / "broken", fs::perms::owner_all);
  const Ran ran = run_program("OMP_NUM_THREADS=1 " + std::string(LEVIN_BINARY_DIR) + "/bin/levin-run --standalone --nproc-per-node=3 " + (folder / "broken"));
  CHECK(ran.exit_code == 1);
  CHECK(ran.output.find("No such file or directory: '" + (folder / "broken")) != std::string::npos);
}
