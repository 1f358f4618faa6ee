// Whose word counts for where a process stands.
#include <map>

#include "levin/framework/base/distributed/cluster_environment.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using levin::ClusterEnvironment;
using levin::ClusterRequest;

namespace {

using Variables = std::map<std::string, std::string>;

ClusterEnvironment detect(const Variables& variables, const ClusterRequest& request = {}) {
  return levin::detect_cluster_environment(request, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

// The error's text, "" if there is none.
std::string refusal(const Variables& variables, const ClusterRequest& request = {}) {
  try {
    detect(variables, request);
  } catch (const levin::ValueError& error) {
    return error.what();
  }
  return "";
}

const Variables torchelastic{{"TORCHELASTIC_RUN_ID", "x"}, {"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "4"},
                             {"GROUP_RANK", "1"}, {"MASTER_ADDR", "10.0.0.1"}, {"MASTER_PORT", "29400"}, {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
const Variables slurm{{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "3"}, {"SLURM_LOCALID", "1"}, {"SLURM_NODEID", "1"}, {"SLURM_NNODES", "2"},
                      {"SLURM_NTASKS_PER_NODE", "2"}, {"SLURM_NODELIST", "node[03-05,7]"}, {"SLURM_JOB_ID", "987654"}, {"SLURM_JOB_NAME", "train"}};
const Variables mpi{{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
const Variables plain{{"RANK", "2"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "1234"}};

Variables together(std::initializer_list<Variables> all) {
  Variables out;
  for (const Variables& one : all) out.insert(one.begin(), one.end());
  return out;
}

}  // namespace

TEST_CASE("torchelastic comes before SLURM, SLURM before MPI, MPI before RANK and WORLD_SIZE") {
  CHECK(detect(together({torchelastic, slurm, mpi})).name == "torchelastic");
  CHECK(detect(together({slurm, mpi, plain})).name == "slurm");
  CHECK(detect(together({mpi, plain})).name == "mpi");
  CHECK(detect(plain).name == "env");
  CHECK(detect({}).name == "lightning");
  CHECK(detect(together({torchelastic, slurm, mpi}), {.name = "mpi"}).name == "mpi");
  CHECK(detect(together({slurm, plain, {{"LEVIN_STARTED_RANKS", "1"}}})).name == "env");
}

TEST_CASE("each launcher's numbers") {
  const auto t = detect(torchelastic);
  CHECK((t.global_rank == 5 && t.world_size == 8 && t.local_rank == 1 && t.local_world_size == 4 && t.node_rank == 1));
  CHECK((t.main_address == "10.0.0.1" && t.main_port == 29400 && t.launcher_has_store));
  const auto s = detect(slurm);
  CHECK((s.global_rank == 3 && s.world_size == 4 && s.local_rank == 1 && s.local_world_size == 2 && s.node_rank == 1));
  CHECK((s.main_address == "node03" && s.main_port == 15000 + 7654 && !s.launcher_has_store));
  const auto m = detect(mpi);
  CHECK((m.global_rank == 1 && m.world_size == 2 && m.local_rank == 1 && m.main_address == "127.0.0.1" && m.main_port >= 15000));
  const auto p = detect(plain);
  CHECK((p.global_rank == 2 && p.world_size == 4 && p.local_rank == 2 && p.main_address == "h" && p.main_port == 1234));
  const auto nodes = detect(plain, {.num_nodes = 2});
  CHECK((nodes.local_rank == 0 && nodes.node_rank == 1 && nodes.local_world_size == 2));
}

TEST_CASE("an interactive SLURM shell starts nothing") {
  CHECK(detect(together({{{"SLURM_JOB_NAME", "bash"}}, slurm})).name == "lightning");
}

TEST_CASE("without a launcher the strategy starts the ranks of this machine") {
  const auto e = detect({}, {.devices = 3});
  CHECK((e.world_size == 3 && e.global_rank == 0 && e.local_world_size == 3 && !e.creates_processes_externally()));
  const auto second = detect({{"NODE_RANK", "1"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "5"}}, {.devices = 3, .num_nodes = 2});
  CHECK((second.world_size == 6 && second.global_rank == 3));
  CHECK(refusal({}, {.devices = 1, .num_nodes = 2}).find("MASTER_ADDR") != std::string::npos);
}

TEST_CASE("numbers that do not agree are errors in Lightning's words") {
  CHECK_THROWS_WITH(detect(torchelastic, {.devices = 3, .num_nodes = 2}),
                    "You set `devices=3` and `num_nodes=2` in Lightning, but the product (3 * 2) does not match the world size (8).");
  CHECK(refusal(slurm, {.devices = 4, .num_nodes = 2}).find("HINT: Set `devices=2`.") != std::string::npos);
  CHECK(refusal(slurm, {.devices = 2, .num_nodes = 1}).find("HINT: Set `num_nodes=2`.") != std::string::npos);
  CHECK(refusal(together({{{"RANK", "x"}}, plain})).find("RANK='x'") != std::string::npos);
  CHECK(refusal(together({{{"RANK", "4"}}, plain})).find("rank 4 of 4") != std::string::npos);
  CHECK(refusal({{"TORCHELASTIC_RUN_ID", "x"}}).find("RANK") != std::string::npos);
}

TEST_CASE("the first host of SLURM's lists") {
  CHECK(levin::first_host("node[03-05,7],gpu1") == "node03");
  CHECK(levin::first_host("a,b") == "a");
  CHECK(levin::first_host("host") == "host");
  CHECK(levin::first_host("a,b[1-2]") == "a");
}
