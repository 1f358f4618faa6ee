// Several ranks train as one process does with the same batches.
#include <cmath>

#include "ranks.h"

namespace {

std::vector<double> weights_after(const std::string& how, int devices, const std::string& folder, int rank = 0) {
  const std::string words = "train devices=" + std::to_string(devices) + " batch=" + std::to_string(8 / devices) + " " + how;
  const Ran ran = run_ranks(words, folder);
  INFO(ran.output);
  REQUIRE(ran.exit_code == 0);
  return numbers(folder + "/weights." + std::to_string(rank));
}

}  // namespace

TEST_CASE("1, 2 and 4 ranks with the same global batch end with the same weights") {
  for (const char* optimizer : {"sgd", "adamw"}) {
    const std::string how = std::string("optimizer=") + optimizer + " clip=1";
    const TemporaryFolder one, two, four;
    const auto alone = weights_after(how, 1, one.path());
    CHECK(largest_difference(alone, weights_after(how, 2, two.path())) < 1e-5);
    CHECK(largest_difference(alone, weights_after(how, 4, four.path())) < 1e-5);
    CHECK(numbers(two.path() + "/weights.0") == numbers(two.path() + "/weights.1"));
    CHECK(numbers(four.path() + "/weights.0") == numbers(four.path() + "/weights.3"));
  }
}

TEST_CASE("every way of averaging gives the weights of one process") {
  const TemporaryFolder reference;
  const auto alone = weights_after("strategy=ddp", 1, reference.path());
  for (const char* how : {"find_unused_parameters=1 unused=1", "static_graph=1", "gradient_as_bucket_view=1", "small_buckets=1", "hook=allreduce",
                          "strategy=ddp_zero1", "strategy=ddp_find_unused_parameters_true unused=1", "static_graph=1 unused=1"}) {
    INFO(how);
    const TemporaryFolder folder;
    auto weights = weights_after(how, 2, folder.path());
    weights.resize(alone.size());  // unused layers come last
    CHECK(largest_difference(alone, weights) < 1e-5);
    CHECK(numbers(folder.path() + "/weights.0") == numbers(folder.path() + "/weights.1"));
  }
}

TEST_CASE("few gradients go through rank 0 and many around all ranks, with the same weights at the end") {
  const TemporaryFolder few, ring, alone;
  CHECK(weights_after("", 2, few.path()) == weights_after("hook=allreduce", 2, ring.path()));  // two numbers have one sum
  const auto expected = weights_after("many=1", 1, alone.path());
  for (const int devices : {2, 4}) {
    INFO(devices);
    const TemporaryFolder folder;
    CHECK(largest_difference(expected, weights_after("many=1", devices, folder.path())) < 1e-5);
    CHECK(numbers(folder.path() + "/weights.0") == numbers(folder.path() + "/weights.1"));
  }
}

TEST_CASE("compressed gradients are near the others") {
  const TemporaryFolder reference;
  const auto alone = weights_after("strategy=ddp", 1, reference.path());
  for (const char* how : {"hook=fp16_compress", "hook=bf16_compress"}) {
    INFO(how);
    const TemporaryFolder folder;
    const double far = largest_difference(alone, weights_after(how, 2, folder.path()));
    CHECK(far < 2e-2);
    CHECK(far > 0);
  }
}

TEST_CASE("every precision goes with several ranks, and so does every strategy with a scaler") {
  for (const char* precision : {"64-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true"}) {
    INFO(precision);
    const std::string how = std::string("clip=1 precision=") + precision;
    const TemporaryFolder one, two, sharded;
    const auto alone = weights_after(how, 1, one.path());
    CHECK(largest_difference(alone, weights_after(how, 2, two.path())) < (std::string(precision) == "64-true" ? 1e-6 : 3e-2));
    CHECK(numbers(two.path() + "/weights.0") == numbers(two.path() + "/weights.1"));
    CHECK(weights_after(how + " strategy=ddp_zero1", 2, sharded.path()) == numbers(two.path() + "/weights.0"));
  }
}

TEST_CASE("a step that overflows on one rank is left out on all") {
  for (const char* strategy : {"ddp", "ddp_zero1"}) {
    INFO(strategy);
    const TemporaryFolder folder;
    const auto weights = weights_after(std::string("precision=16-mixed overflow=1 strategy=") + strategy, 2, folder.path());
    for (const double weight : weights) CHECK(std::isfinite(weight));
    CHECK(weights == numbers(folder.path() + "/weights.1"));
  }
}

TEST_CASE("gradients that accumulate are averaged with the last of them") {
  const TemporaryFolder one, two;
  const auto alone = weights_after("accumulate=2", 1, one.path());
  CHECK(largest_difference(alone, weights_after("accumulate=2", 2, two.path())) < 1e-5);
}

TEST_CASE("SyncBatchNorm over two ranks is BatchNorm over their batches together") {
  const TemporaryFolder one, two;
  const auto alone = weights_after("norm=1 sync_batchnorm=1", 1, one.path());
  CHECK(largest_difference(alone, weights_after("norm=1 sync_batchnorm=1", 2, two.path())) < 1e-5);
}

TEST_CASE("ZeRO-1 with AdamW resumes with any number of ranks") {
  const TemporaryFolder whole, folder;
  const auto expected = weights_after("optimizer=adamw epochs=3", 1, whole.path());
  weights_after("optimizer=adamw epochs=1 strategy=ddp_zero1 save=1", 2, folder.path());
  const std::string resume = "optimizer=adamw epochs=3 resume=" + folder.path() + "/checkpoints/last.ckpt";
  const TemporaryFolder one, two, four;
  CHECK(largest_difference(expected, weights_after(resume, 1, one.path())) < 1e-5);
  CHECK(largest_difference(expected, weights_after(resume + " strategy=ddp_zero1", 2, two.path())) < 1e-5);
  CHECK(largest_difference(expected, weights_after(resume + " strategy=ddp_zero1", 4, four.path())) < 1e-5);
}

TEST_CASE("what ranks do together") {
  const TemporaryFolder folder;
  const Ran ran = run_ranks("collectives devices=3 epochs=1", folder.path());
  INFO(ran.output);
  REQUIRE(ran.exit_code == 0);
  const std::string answers = contents(folder.path() + "/answers.0");
  CHECK(answers ==
        "broadcast from 2\nany 1 all 0\nmean 2.000000\nsum 6.000000\nmin 1.000000\nmax 3.000000\nall_gather 3 12.000000\nsync_grads 3.000000\n"
        "error the disk is full\nlong 1000\n");
  CHECK(contents(folder.path() + "/answers.2") == answers);
}

TEST_CASE("unused parameters are an error that names the way out") {
  const TemporaryFolder folder;
  const Ran ran = run_ranks("train devices=2 batch=4 unused=1", folder.path());
  CHECK(ran.exit_code != 0);
  CHECK(ran.output.find("`strategy='ddp_find_unused_parameters_true'`") != ran.output.npos);
}

TEST_CASE("log(sync_dist=true) is the mean over all ranks, the same on each") {
  const TemporaryFolder one, two;
  weights_after("validate=1 epochs=1", 1, one.path());
  weights_after("validate=1 epochs=1", 2, two.path());
  const auto value = [](const std::string& file, const std::string& name) {
    std::istringstream text(contents(file));
    std::string found;
    double v = 0;
    while (text >> found >> v)
      if (found == name) return v;
    FAIL(name << " was not logged");
    return v;
  };
  for (const char* name : {"train_loss_epoch", "train_loss_step", "val_loss"}) {
    INFO(name);
    CHECK(std::abs(value(one.path() + "/logged.0", name) - value(two.path() + "/logged.0", name)) < 1e-5);
    CHECK(value(two.path() + "/logged.0", name) == value(two.path() + "/logged.1", name));
  }
  // What one rank logs waits for nobody.
  CHECK(value(two.path() + "/logged.0", "of_rank_0_epoch") == 7);
  CHECK(contents(two.path() + "/logged.1").find("of_rank_0") == std::string::npos);
}

TEST_CASE("EarlyStopping speaks on every rank, or on rank 0 only; what callbacks log reaches rank 0's loggers") {
  for (const bool zero_only : {false, true}) {
    INFO(zero_only);
    const TemporaryFolder folder;
    const Ran ran = run_ranks(std::string("callbacks devices=2 batch=4 epochs=1") + (zero_only ? " zero_only=1" : ""), folder.path());
    INFO(ran.output);
    REQUIRE(ran.exit_code == 0);
    const auto said = [&](const char* text) { return ran.output.find(text) != ran.output.npos; };
    CHECK(said("[rank: 0] Metric val_loss improved."));
    CHECK(said("[rank: 1] Metric val_loss improved.") == !zero_only);
    CHECK(numbers(folder.path() + "/rows.0").at(0) > 0);
    CHECK(numbers(folder.path() + "/rows.1").at(0) == 0);
  }
}
