// What the leading node decides, without sockets and clocks: rounds, restarts, losses, newcomers.
#include <map>
#include <string>
#include <vector>

#include "levin/apps/launcher/leader.h"
#include "levin/apps/launcher/plan.h"
#include "levin/apps/launcher/restart_policy.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::launcher;
using Status = Record::Status;
using Phase = Plan::Phase;

namespace {

// A job whose nodes are called "a", "b", ...; "a" leads. Time goes on with `step`.
class Job {
 public:
  Job(int min_nodes, int max_nodes, int max_restarts = 0) {
    options_.min_nodes = min_nodes;
    options_.max_nodes = max_nodes;
    options_.max_restarts = max_restarts;
    options_.rdzv_backend = "c10d";
    leader_ = std::make_unique<Leader>(options_, "a");
  }
  Record& node(const std::string& id) {
    Record& record = nodes_[id];
    record.id = record.address = id;
    return record;
  }
  // Each living node writes its record anew.
  const Plan& step(double seconds = 1) {
    now_ += seconds;
    std::vector<Record> all;
    for (auto& [id, record] : nodes_) {
      if (!dead_.contains(id)) ++record.beat;
      all.push_back(record);
    }
    return leader_->update(all, now_);
  }
  void dies(const std::string& id) { dead_[id] = true; }
  void lives(const std::string& id) { dead_.erase(id); }
  // All members take the plan's round up.
  void work() {
    const Plan plan = step(0);
    for (const auto& member : plan.members) node(member.id).status = Status::running, node(member.id).round = plan.round;
  }
  void join(const std::string& id, int round) { node(id).status = Status::ready, node(id).round = round; }
  Options options_;

 private:
  std::unique_ptr<Leader> leader_;
  std::map<std::string, Record> nodes_;
  std::map<std::string, bool> dead_;
  double now_ = 100;
};

std::string members(const Plan& plan) {
  std::string out;
  for (const auto& member : plan.members) out += member.id + std::to_string(member.first_rank);
  return out;
}

}  // namespace

TEST_CASE("a round begins when all places are taken, the leader's ranks first") {
  Job job(2, 2);
  job.node("b").local_world_size = 3;
  CHECK(job.step().phase == Phase::gathering);
  job.node("a").local_world_size = 2;
  const Plan& plan = job.step();
  CHECK(plan.phase == Phase::running);
  CHECK(members(plan) == "a0b2");
  CHECK(plan.world_size == 5);
}

TEST_CASE("with enough nodes but free places the last call is waited for") {
  Job job(2, 3);
  job.node("a"), job.node("b");
  job.step();
  CHECK(job.step(29).phase == Phase::gathering);
  CHECK(job.step(2).phase == Phase::running);
}

TEST_CASE("without the leader nothing begins") {
  Job job(1, 2);
  job.node("b"), job.node("c");
  CHECK(job.step(60).phase == Phase::gathering);
}

TEST_CASE("too few nodes end the job when the time to join is over") {
  Job job(2, 2);
  job.node("a");
  job.step();
  CHECK(job.step(599).phase == Phase::gathering);
  const Plan& plan = job.step(2);
  CHECK(plan.phase == Phase::closed);
  CHECK(plan.exit_code == 1);
  CHECK(plan.reason.find("only 1 of at least 2 nodes") == 0);
}

TEST_CASE("static nodes have their numbers, roles their own ranks") {
  Job job(3, 3);
  job.node("a").node_rank = 0;
  job.node("b").node_rank = 2;
  job.node("c").node_rank = 1;
  job.node("b").role = "reader";
  const Plan& plan = job.step();
  CHECK(members(plan) == "a0c1b2");
  CHECK(plan.members[2].first_role_rank == 0);
  CHECK(plan.members[2].role_world_size == 1);
  CHECK(plan.members[1].first_role_rank == 1);
  CHECK(plan.members[1].role_world_size == 2);
}

TEST_CASE("the job is over when every node has succeeded") {
  Job job(2, 2);
  job.node("a"), job.node("b");
  job.step(), job.work();
  job.node("b").status = Status::succeeded;
  CHECK(job.step().phase == Phase::running);
  job.node("a").status = Status::succeeded;
  const Plan& plan = job.step();
  CHECK(plan.phase == Phase::closed);
  CHECK(plan.exit_code == 0);
}

TEST_CASE("a failure restarts all nodes while restarts are left, then ends the job with its code") {
  Job job(2, 2, 1);
  job.node("a"), job.node("b");
  job.step(), job.work();
  job.node("b").status = Status::failed, job.node("b").exit_code = 139, job.node("b").message = "rank 1 crashed";
  CHECK(job.step().phase == Phase::gathering);
  CHECK(job.step().round == 1);
  CHECK(job.step().restarts == 1);
  CHECK(job.step().reason == "node b: rank 1 crashed");
  job.join("b", 1);
  CHECK(job.step().phase == Phase::gathering);  // a has not come yet
  job.join("a", 1);
  CHECK(job.step().phase == Phase::running);
  job.work();
  job.node("a").status = Status::failed, job.node("a").exit_code = 7;
  const Plan& plan = job.step();
  CHECK(plan.phase == Phase::closed);
  CHECK(plan.exit_code == 7);
  CHECK(plan.reason.find("all 1 restarts are used up") != std::string::npos);
}

TEST_CASE("a node that falls silent costs no restart, and the others wait for nobody") {
  Job job(1, 3);
  job.node("a"), job.node("b"), job.node("c");
  job.step(), job.work();
  job.dies("c");
  CHECK(job.step(14).phase == Phase::running);
  CHECK(job.step(2).phase == Phase::gathering);
  CHECK(job.step(0).reason.find("node c has not been heard of for 16 s") == 0);
  job.join("a", 1), job.join("b", 1);
  const Plan& plan = job.step(0.1);
  CHECK(plan.phase == Phase::running);
  CHECK(members(plan) == "a0b1");
  CHECK(plan.restarts == 0);
}

TEST_CASE("a node that comes back or is new makes a new round; when places are full it waits") {
  Job job(1, 2);
  job.node("a"), job.node("b");
  job.step(), job.work();
  job.join("c", 1);
  CHECK(job.step().phase == Phase::running);  // full
  job.node("b").status = Status::left;
  CHECK(job.step().round == 1);
  job.join("a", 1);
  CHECK(members(job.step()) == "a0c1");
  job.work();
  job.join("b", 2);
  CHECK(job.step().phase == Phase::running);
}

TEST_CASE("a newcomer takes a free place, unless some have finished already") {
  for (const bool finished : {false, true}) {
    Job job(1, 3);
    job.node("a"), job.node("b");
    job.step(), job.step(31), job.work();
    if (finished) job.node("b").status = Status::succeeded;
    job.join("c", 1);
    CHECK((job.step().phase == Phase::gathering) == !finished);
  }
}

TEST_CASE("a rank that was asked to end ends the job without a restart") {
  Job job(2, 2, 5);
  job.node("a"), job.node("b");
  job.step(), job.work();
  job.node("b").status = Status::preempted, job.node("b").exit_code = 143;
  job.node("a").status = Status::failed, job.node("a").exit_code = 1;
  const Plan& plan = job.step();
  CHECK(plan.phase == Phase::closed);
  CHECK(plan.exit_code == 143);
  CHECK(plan.preempted);
}

TEST_CASE("when the leading launcher is told to end, the job ends") {
  Job job(2, 2, 5);
  job.node("a"), job.node("b");
  job.step(), job.work();
  job.node("a").status = Status::left, job.node("a").exit_code = 143, job.node("a").message = "the launcher got SIGTERM";
  const Plan& plan = job.step();
  CHECK(plan.phase == Phase::closed);
  CHECK(plan.exit_code == 143);
}

TEST_CASE("restarts back off, and stop when no checkpoint comes of them") {
  RestartPolicy policy(100, 0, 1);
  std::vector<double> delays;
  for (int i = 0; i < 9; ++i) delays.push_back(policy.failed(0, true).delay);
  CHECK(delays == std::vector<double>{0, 1, 2, 4, 8, 16, 32, 60, 60});
  CHECK(policy.failed(1, true).delay == 0);  // it got on

  RestartPolicy strict(100, 2, 1);
  CHECK(strict.failed(3, true).restart);
  CHECK(strict.failed(0, true).restart);
  const auto verdict = strict.failed(0, true);
  CHECK_FALSE(verdict.restart);
  CHECK(verdict.why.find("2 attempts in a row ended without a new checkpoint") != std::string::npos);

  RestartPolicy blind(3, 2, 0);  // ranks that can't tell
  for (int i = 0; i < 3; ++i) CHECK(blind.failed(0, false).restart);
  CHECK_FALSE(blind.failed(0, false).restart);
  CHECK(RestartPolicy(0, 2, 1).failed(0, true).why.empty());
}

TEST_CASE("records and plans are texts that read back, and nothing else is read") {
  Record record;
  record.id = "x", record.beat = 1ull << 60, record.status = Status::failed, record.round = 4, record.node_rank = 2, record.address = "::1";
  record.message = "two\nlines", record.saves = 9, record.knows_saves = true, record.exit_code = 139;
  Record expected = record;
  expected.message = "two lines";
  CHECK(record_from(to_text(record)) == expected);
  Plan plan;
  plan.phase = Phase::running, plan.round = 3, plan.members = {{"a", 0, 0, 4}, {"b", 2, 2, 4}}, plan.world_size = 4, plan.reason = "why";
  CHECK(plan_from(to_text(plan)) == plan);
  for (const std::string& bad : {std::string(), std::string("gASVfw"), to_text(plan).substr(0, 30), to_text(record)}) CHECK_THROWS_AS(plan_from(bad), ValueError);
}
