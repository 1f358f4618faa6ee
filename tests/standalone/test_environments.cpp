// Whoever started them, ranks find their place.
#include "ranks.h"

namespace {

// `count` processes, each with its own variables in front; the last ones' exit codes added up.
Ran start_by_hand(const std::string& common, const std::vector<std::string>& variables, const std::string& folder) {
  std::string line = "codes=0; ";
  for (const std::string& own : variables)
    line += "(" + common + " " + own + " OMP_NUM_THREADS=1 timeout -k 1 60 " + ddp_program() + " train batch=4 strategy=ddp epochs=1 folder=" + folder + ") & ";
  line += "for job in $(jobs -p); do wait $job || codes=1; done; exit $codes";
  return run_program("bash -c '" + line + "'");
}

}  // namespace

TEST_CASE("SLURM, MPI, torchelastic and plain variables start the same run") {
  const TemporaryFolder reference;
  REQUIRE(run_ranks("train devices=2 batch=4 epochs=1", reference.path()).exit_code == 0);
  const auto expected = numbers(reference.path() + "/weights.0");
  const int port = 20000 + static_cast<int>(::getpid() % 20000);
  const std::string address = "MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(port) + " ";
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
  const int port = 20000 + static_cast<int>(::getpid() % 20000) + 1;
  const Ran ran = run_ranks("train devices=3 batch=4 strategy=ddp timeout=1", folder.path(),
                            "RANK=0 WORLD_SIZE=3 MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(port));
  CHECK(ran.exit_code == 1);
  CHECK(ran.output.find("rank 1 of 3 did not come") != ran.output.npos);
}

TEST_CASE("only loopback listens when all ranks are here") {
  const TemporaryFolder folder;
  const std::string line = "OMP_NUM_THREADS=1 " + ddp_program() + " train devices=2 batch=4 epochs=100000 pids=1 folder=" + folder.path() +
                           " & while [ ! -e " + folder.path() + "/pid.1 ]; do sleep 0.02; done; sleep 1; ss -ltnp | grep ddp_program; kill -9 $!";
  const Ran ran = run_program("bash -c '" + line + "'");
  INFO(ran.output);
  CHECK(ran.output.find("127.0.0.1:") != ran.output.npos);
  CHECK(ran.output.find("0.0.0.0:") == ran.output.find("0.0.0.0:*"));  // the peer's column has it
  CHECK(ran.output.find("*:*") == ran.output.npos);
}
