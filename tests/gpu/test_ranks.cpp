// Several ranks, each with a GPU of its own, and NCCL between them. Left out, with words, where there is one GPU only.
#include "../standalone/ranks.h"
#include "gpu.h"

namespace {

bool several_gpus() {
  if (gpu().device_count() >= 2) return true;
  WARN("NOT TESTED: NCCL between ranks, since this machine has one GPU");
  return false;
}

}  // namespace

TEST_CASE("two GPUs train as one does") {
  if (!several_gpus()) return;
  const TemporaryFolder one, two;
  REQUIRE(run_ranks("train devices=1 batch=8 sequential=1", one.path()).exit_code == 0);
  const Ran ran = run_ranks("train devices=2 batch=4 strategy=ddp sequential=1", two.path());
  INFO(ran.output);
  REQUIRE(ran.exit_code == 0);
  CHECK(numbers(two.path() + "/weights.0") == numbers(two.path() + "/weights.1"));
  CHECK(largest_difference(numbers(one.path() + "/weights.0"), numbers(two.path() + "/weights.0")) < 1e-5);
}

TEST_CASE("a rank that fails, is gone or does not come ends the other, which names it") {
  if (!several_gpus()) return;
  for (const std::string how : {"throw", "kill", "hang"}) {
    INFO(how);
    const TemporaryFolder folder;
    const Ran ran = run_ranks("train devices=2 batch=2 epochs=3 strategy=ddp timeout=5 fail_at=forward how=" + how, folder.path());
    INFO(ran.output);
    CHECK(ran.exit_code != 0);
    CHECK(ran.exit_code != 124);  // it hung
    CHECK(ran.output.find("rank 1") != ran.output.npos);
  }
}
