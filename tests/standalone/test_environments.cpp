// Whoever started them, ranks find their place.
#include <netinet/in.h>
#include <sys/socket.h>

#include "ranks.h"

namespace {

// `count` processes, each with its own variables in front; the last ones' exit codes added up.
Ran start_by_hand(const std::string& common, const std::vector<std::string>& variables, const std::string& folder) {
  std::string line = "codes=0; ";
  for (const std::string& own : variables)
    line += "(" + common + " " + own + " OMP_NUM_THREADS=1 timeout -k 1 180 " + ddp_program() + " train batch=4 strategy=ddp epochs=1 folder=" + folder + ") & ";
  line += "for job in $(jobs -p); do wait $job || codes=1; done; exit $codes";
  return run_program("bash -c '" + line + "'");
}

// A port that nobody has, below those that the kernel hands out by itself.
int free_port() {
  static int next = 20000 + static_cast<int>(::getpid() % 10000);
  for (int tries = 0; tries < 100; ++tries) {
    const int port = ++next, fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    const bool is_free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (is_free) return port;
  }
  FAIL("no port is free");
  return 0;
}

}  // namespace

TEST_CASE("SLURM, MPI, torchelastic and plain variables start the same run") {
  const TemporaryFolder reference;
  REQUIRE(run_ranks("train devices=2 batch=4 epochs=1", reference.path()).exit_code == 0);
  const auto expected = numbers(reference.path() + "/weights.0");
  const std::string address = "MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(free_port()) + " ";
  struct Launcher {
    std::string name, common;
    std::vector<std::string> own;
  };
  const std::vector<Launcher> launchers{
      {"slurm", address + "SLURM_NTASKS=2 SLURM_NNODES=1 SLURM_NTASKS_PER_NODE=2 SLURM_JOB_ID=1234 SLURM_JOB_NAME=train",
       {"SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0", "SLURM_PROCID=1 SLURM_LOCALID=1 SLURM_NODEID=0"}},
      {"mpi", address + "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_SIZE=2",
       {"OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_LOCAL_RANK=0", "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_LOCAL_RANK=1"}},
      {"torchelastic", address + "TORCHELASTIC_RUN_ID=x WORLD_SIZE=2 LOCAL_WORLD_SIZE=2", {"RANK=0 LOCAL_RANK=0", "RANK=1 LOCAL_RANK=1"}},
      {"plain", address + "WORLD_SIZE=2", {"RANK=0", "RANK=1"}},
  };
  for (const Launcher& launcher : launchers) {
    INFO(launcher.name);
    const TemporaryFolder folder;
    const Ran ran = start_by_hand(launcher.common, launcher.own, folder.path());
    INFO(ran.output);
    REQUIRE(ran.exit_code == 0);
    CHECK(largest_difference(expected, numbers(folder.path() + "/weights.0")) < 1e-6);
    CHECK(numbers(folder.path() + "/weights.1") == numbers(folder.path() + "/weights.0"));
  }
}

TEST_CASE("a rank that does not come is an error with its number") {
  const TemporaryFolder folder;
  const Ran ran = run_ranks("train devices=3 batch=4 strategy=ddp timeout=3", folder.path(),
                            "RANK=0 WORLD_SIZE=3 MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(free_port()));
  CHECK(ran.exit_code == 1);
  CHECK(ran.output.find("rank 1 of 3 did not come") != ran.output.npos);
}

TEST_CASE("only loopback listens when all ranks are here") {
  const TemporaryFolder folder;
  // Once something is saved, all connections are there.
  const std::string line = "OMP_NUM_THREADS=1 timeout -s KILL 120 " + ddp_program() + " train devices=2 batch=4 epochs=100000 save=1 pids=1 folder=" +
                           folder.path() + " & while [ ! -e " + folder.path() + "/checkpoints/last.ckpt ] && kill -0 $!; do sleep 0.02; done; " +
                           "for rank in 0 1; do ss -Hltnp | grep \"pid=$(cat " + folder.path() + "/pid.$rank),\" | tr -s \" \" | cut -d\" \" -f4; done; " +
                           "kill -9 $(cat " + folder.path() + "/pid.0)";
  const Ran ran = run_program("bash -c '" + line + "'");
  INFO(ran.output);
  std::istringstream lines(ran.output);
  int listeners = 0;
  for (std::string address; std::getline(lines, address);) {
    if (address.find(' ') != address.npos) continue;  // what the shell says of its jobs
    ++listeners;
    CHECK(address.starts_with("127.0.0.1:"));
  }
  CHECK(listeners >= 2);  // the store's, and each rank's own
}
