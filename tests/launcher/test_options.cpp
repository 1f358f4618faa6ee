// levin-run's command line: torchrun's flags, PET_* variables, what runs.
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "levin/apps/launcher/command.h"
#include "levin/apps/launcher/environment.h"
#include "levin/apps/launcher/option_values.h"
#include "levin/apps/launcher/options.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/run_program.h"
#include "support/temporary_folder.h"

using namespace levin;
using namespace levin::launcher;

namespace {

std::optional<Options> parse(std::vector<std::string> arguments, int* code = nullptr) {
  arguments.insert(arguments.begin(), "levin-run");
  std::vector<char*> pointers;
  for (auto& text : arguments) pointers.push_back(text.data());
  int exit_code = 0;
  auto out = parse_options(static_cast<int>(pointers.size()), pointers.data(), exit_code);
  if (code) *code = exit_code;
  return out;
}

Options good(std::vector<std::string> arguments) {
  const auto out = parse(std::move(arguments));
  REQUIRE(out);
  return *out;
}

struct Variable {
  std::string name;
  Variable(std::string n, const std::string& value) : name(std::move(n)) { ::setenv(name.c_str(), value.c_str(), 1); }
  ~Variable() { ::unsetenv(name.c_str()); }
};

std::string error_of(const std::string& flags) {
  const Ran ran = run_program(std::string(LEVIN_BINARY_DIR) + "/bin/levin-run " + flags);
  CHECK(ran.exit_code == 2);
  return ran.output;
}

}  // namespace

TEST_CASE("the defaults are torchrun's") {
  const Options options = good({"train"});
  CHECK(options.min_nodes == 1);
  CHECK(options.max_nodes == 1);
  CHECK(options.nproc_per_node == 1);
  CHECK(options.is_static());
  CHECK(options.rdzv_endpoint.host == "127.0.0.1");
  CHECK(options.rdzv_endpoint.port == 29500);
  CHECK(options.rdzv_id == "none");
  CHECK(options.max_restarts == 0);
  CHECK(options.monitor_interval == 0.1);
  CHECK(options.role == "default");
  CHECK(options.signals_to_handle == std::vector<int>{SIGTERM, SIGINT, SIGHUP, SIGQUIT});
  CHECK(options.grace == 5);
  CHECK(options.hang_timeout == 0);
  CHECK(options.command == std::vector<std::string>{"train"});
}

TEST_CASE("words of a flag are joined by dashes or underscores") {
  for (const char* flag : {"--nproc-per-node=3", "--nproc_per_node=3"}) CHECK(good({flag, "x"}).nproc_per_node == 3);
  for (const char* flag : {"--max-restarts", "--max_restarts"}) CHECK(good({flag, "2", "x"}).max_restarts == 2);
  for (const char* flag : {"--no-python", "--no_python"}) CHECK(good({flag, "x"}).no_python);
}

TEST_CASE("everything from the program on is the program's") {
  const Options options = good({"--nproc-per-node", "2", "train", "--nproc-per-node", "9", "-m", "--", "--help", "x"});
  CHECK(options.nproc_per_node == 2);
  CHECK(options.command == std::vector<std::string>{"train", "--nproc-per-node", "9", "-m", "--", "--help", "x"});
  CHECK_FALSE(options.module);
}

TEST_CASE("PET_ variables are defaults, flags win") {
  const Variable ranks("PET_NPROC_PER_NODE", "4"), alone("PET_STANDALONE", "1"), restarts("PET_MAX_RESTARTS", "3");
  CHECK(good({"x"}).nproc_per_node == 4);
  CHECK(good({"x"}).standalone);
  CHECK(good({"--max-restarts=1", "x"}).max_restarts == 1);
}

TEST_CASE("standalone is a c10d rendezvous on a free port under an id of its own") {
  const Options a = good({"--standalone", "x"}), b = good({"--standalone", "--rdzv-id=given", "x"});
  CHECK_FALSE(a.is_static());
  CHECK(a.rdzv_endpoint.port == 0);
  CHECK(a.rdzv_id != "none");
  CHECK(a.rdzv_id != b.rdzv_id);
  CHECK(b.rdzv_id != "given");
}

TEST_CASE("nodes and endpoints") {
  const Options elastic = good({"--nnodes=2:4", "--rdzv-backend=c10d", "--rdzv-endpoint=host0", "--rdzv-conf=join_timeout=7,is_host=1", "x"});
  CHECK(elastic.min_nodes == 2);
  CHECK(elastic.max_nodes == 4);
  CHECK(elastic.rdzv_endpoint.host == "host0");
  CHECK(elastic.rdzv_endpoint.port == 29400);
  CHECK(elastic.conf("join_timeout", 600) == 7);
  CHECK(elastic.conf("last_call_timeout", 30) == 30);
  CHECK(Endpoint::parse("[::1]:12", 1).host == "[::1]");
  CHECK(Endpoint::parse("[::1]:12", 1).port == 12);
  CHECK(Endpoint::parse("[::1]", 1).port == 1);
}

TEST_CASE("streams are one number or one per local rank") {
  CHECK(Streams::parse("3", "-r").of(7) == 3);
  const Streams some = Streams::parse("0:1,2:3", "-r");
  CHECK(some.of(0) == 1);
  CHECK(some.of(1) == 0);
  CHECK(some.of(2) == 3);
  for (const char* bad : {"4", "", "0:4", "0:1,", "x", "11"}) CHECK_THROWS_AS(Streams::parse(bad, "-r"), ValueError);
}

TEST_CASE("two commas in a filter are one that does not part") {
  CHECK(parse_filters("apple,or,,ange") == std::vector<std::string>{"apple", "or,ange"});
  CHECK(parse_filters("").empty());
}

TEST_CASE("what is wrong with a command line is said") {
  const struct {
    const char *flags, *said;
  } cases[] = {
      {"--max-restart=3 x", "unknown flag '--max-restart'; did you mean '--max-restarts'?"},
      {"", "no program to run was given"},
      {"--nnodes=3:2 x", "MIN is more than MAX"},
      {"--nnodes=x y", "--nnodes: 'x' is not a whole number of at least 1"},
      {"--nnodes=1:2 x", "needs --rdzv-backend=c10d"},
      {"--nnodes=2 --node-rank=2 x", "must be less than --nnodes=2"},
      {"--nproc-per-node=0 x", "between 1 and 4096"},
      {"--nproc-per-node=xpu x", "neither a number of at least 1 nor auto, cpu or gpu"},
      {"--rdzv-backend=etcd x", "there are static and c10d"},
      {"--rdzv-conf=a x", "'a' is not KEY=VALUE"},
      {"--standalone --nnodes=2 x", "--standalone is for one node"},
      {"--module --no-python x", "exclude each other"},
      {"--signals-to-handle=SIGKILL x", "no signal that can be handled"},
      {"--redirects=9 x", "--redirects: '9' is neither"},
      {"--grace=soon x", "--grace: 'soon' is not a number of seconds"},
      {"--numa-binding=node x", "numactl"},
  };
  for (const auto& c : cases) {
    INFO(c.flags);
    CHECK(error_of(c.flags).find(c.said) != std::string::npos);
  }
}

TEST_CASE("Python runs what is Python's, the rest runs as it is") {
  const TemporaryFolder folder;
  const auto file = [&](const char* name, int mode) {
    std::ofstream(folder / name) << "#!/bin/sh\n";
    ::chmod((folder / name).c_str(), static_cast<mode_t>(mode));
    return folder / name;
  };
  const Variable python("PYTHON_EXEC", "/bin/sh");
  const std::string script = file("a.py", 0755), plain = file("plain", 0644), program = file("program", 0755);
  using Words = std::vector<std::string>;
  CHECK(command_line(good({script, "x"})) == Words{"/bin/sh", "-u", script, "x"});
  CHECK(command_line(good({plain})) == Words{"/bin/sh", "-u", plain});
  CHECK(command_line(good({program, "x"})) == Words{program, "x"});
  CHECK(command_line(good({"--no-python", script})) == Words{script});
  CHECK(command_line(good({"-m", "pkg.mod", "x"})) == Words{"/bin/sh", "-u", "-m", "pkg.mod", "x"});
  CHECK(command_line(good({"--run-path", program})) == Words{"/bin/sh", "-u", program});
  CHECK(command_line(good({"true"})).front().ends_with("/true"));
  const auto code = [](std::vector<std::string> arguments) {
    try {
      command_line(good(std::move(arguments)));
      return 0;
    } catch (const CannotRun& error) {
      return error.exit_code;
    }
  };
  CHECK(code({folder / "missing"}) == 127);
  CHECK(code({folder / "missing.py"}) == 127);
  CHECK(code({"no-such-program-anywhere"}) == 127);
  CHECK(code({"--no-python", plain}) == 126);
}

TEST_CASE("the local rank is put into arguments as Python's Template does") {
  CHECK(with_local_rank({"a${local_rank}b", "$local_rank", "$local_ranks", "$$x", "${other}", "$"}, 3) ==
        std::vector<std::string>{"a3b", "3", "$local_ranks", "$x", "${other}", "$"});
}

TEST_CASE("a rank's environment is torchrun's") {
  Options options = good({"--nproc-per-node=2", "--role=trainer", "--max-restarts=4", "--rdzv-id=job", "x"});
  World world;
  world.round = 2, world.restart_count = 1, world.group_rank = 1, world.group_world_size = 3, world.first_rank = 4, world.world_size = 8;
  world.first_role_rank = 2, world.role_world_size = 6, world.master_addr = "10.0.0.1", world.master_port = 29500;
  const RankFiles files{"", "", "", false, false, "/e", "/h", "/s"};
  auto variables = rank_environment(options, world, files, 1);
  const std::map<std::string, std::string> expected{
      {"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}, {"GROUP_RANK", "1"}, {"GROUP_WORLD_SIZE", "3"},
      {"ROLE_NAME", "trainer"}, {"ROLE_RANK", "3"}, {"ROLE_WORLD_SIZE", "6"}, {"MASTER_ADDR", "10.0.0.1"}, {"MASTER_PORT", "29500"},
      {"TORCHELASTIC_RESTART_COUNT", "1"}, {"TORCHELASTIC_MAX_RESTARTS", "4"}, {"TORCHELASTIC_RUN_ID", "job"},
      {"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_ERROR_FILE", "/e"}, {"TORCHELASTIC_SIGNALS_TO_HANDLE", "SIGTERM,SIGINT,SIGHUP,SIGQUIT"},
      {"LEVIN_HEARTBEAT_FILE", "/h"}, {"LEVIN_STACK_FILE", "/s"}, {"TORCH_NCCL_ASYNC_ERROR_HANDLING", "1"}};
  CHECK(variables == expected);
  world.group_world_size = 1, world.master_addr = "127.0.0.1";
  CHECK(rank_environment(options, world, files, 0).at("GLOO_SOCKET_IFNAME") == "lo");
  options.virtual_local_rank = true;
  const Variable devices("CUDA_VISIBLE_DEVICES", "5,7");
  variables = rank_environment(options, world, files, 1);
  CHECK(variables.at("LOCAL_RANK") == "0");
  CHECK(variables.at("CUDA_VISIBLE_DEVICES") == "7");
  CHECK_THROWS_AS(rank_environment(options, world, files, 2), ValueError);
}
