#include <cmath>

#include "levin/framework/base/decisions/stop_rules.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;

namespace {
Score f32(double value) { return {in_precision(value, DType::float32)}; }
}  // namespace

TEST_CASE("each rule stops with Lightning's sentence") {
  struct Row {
    StopRulesOptions options;
    std::vector<double> values;
    EarlyStoppingReason reason;
    const char* message;
  };
  using Reason = EarlyStoppingReason;
  const Row rows[] = {
      {{.monitor = "v"},
       {2, 3, 3, 3},
       Reason::PATIENCE_EXHAUSTED,
       "Monitored metric v did not improve in the last 3 records. Best score: 2.000. Signaling "
       "Trainer to stop."},
      {{.monitor = "v", .stopping_threshold = std::int64_t{2}},
       {3, 2, 1},
       Reason::STOPPING_THRESHOLD,
       "Stopping threshold reached: v = 1.0 < 2. Signaling Trainer to stop."},
      {{.monitor = "v", .divergence_threshold = 5.0},
       {5, 7},
       Reason::DIVERGENCE_THRESHOLD,
       "Divergence threshold reached: v = 7.0 < 5.0. Signaling Trainer to stop."},
      {{.monitor = "v", .mode = "max", .divergence_threshold = 0.5},
       {0.5, 0.25},
       Reason::DIVERGENCE_THRESHOLD,
       "Divergence threshold reached: v = 0.25 > 0.5. Signaling Trainer to stop."},
      {{.monitor = "v"},
       {3, std::nan("")},
       Reason::NON_FINITE_METRIC,
       "Monitored metric v = nan is not finite. Previous best value was 3.000. Signaling Trainer "
       "to stop."},
      {{.monitor = "v", .patience = 0},
       {1, 1},
       Reason::PATIENCE_EXHAUSTED,
       "Monitored metric v did not improve in the last 1 records. Best score: 1.000. Signaling "
       "Trainer to stop."},
  };
  for (const Row& row : rows) {
    StopRules rules(row.options);
    StopVerdict verdict;
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      CHECK_FALSE(verdict.stop);
      verdict = rules.check(f32(row.values[i]));
    }
    CHECK(verdict.stop);
    CHECK(verdict.message == row.message);
    CHECK(rules.record().reason == row.reason);
  }
}

TEST_CASE("an improvement of exactly min_delta is none") {
  StopRules rules({.monitor = "v", .min_delta = 0.5});
  CHECK(rules.check(f32(3)).message == "Metric v improved. New best score: 3.000");
  CHECK(rules.check(f32(2.5)).message.empty());
  CHECK(rules.record().wait_count == 1);
  CHECK(rules.check(f32(2)).message ==
        "Metric v improved by 1.000 >= min_delta = 0.5. New best score: 2.000");
  CHECK(rules.record().wait_count == 0);
}

TEST_CASE("thresholds are compared in the metric's precision") {
  StopRules rules({.monitor = "v", .mode = "max", .stopping_threshold = 0.1});
  CHECK_FALSE(rules.check(f32(0.1)).stop);  // the float32 0.1 is above the double 0.1
}

TEST_CASE("without check_finite a NaN only counts as no improvement") {
  StopRules rules({.monitor = "v", .check_finite = false});
  CHECK_FALSE(rules.check(f32(std::nan(""))).stop);
  CHECK(rules.record().wait_count == 1);
}

TEST_CASE("waiting goes on when the trainer does not stop") {
  StopRules rules({.monitor = "v", .patience = 1});
  rules.check(f32(1));
  rules.check(f32(1));
  CHECK(rules.check(f32(1)).message ==
        "Monitored metric v did not improve in the last 2 records. Best score: 1.000. Signaling "
        "Trainer to stop.");
}

TEST_CASE("the stop rules' state has Lightning's keys and brings patience back") {
  StopRules rules({.monitor = "v", .patience = 1}), other({.monitor = "v", .patience = 9});
  rules.check(f32(1));
  rules.stopped(4, rules.check(f32(1)).message);
  const Value state = rules.state_dict();
  std::string keys;
  for (const auto& [key, value] : state.as_dict()) keys += key.as_string() + " ";
  CHECK(keys ==
        "wait_count stopped_epoch best_score patience stopping_reason stopping_reason_message ");
  other.load_state_dict(state);
  CHECK(other.state_dict() == state);
  CHECK(other.record().patience == 1);
  CHECK(rules.state_key() == "EarlyStopping{'monitor': 'v', 'mode': 'min'}");
}

TEST_CASE("a bad mode of early stopping is refused") {
  CHECK_THROWS_WITH(StopRules({.monitor = "v", .mode = "foo"}), "`mode` can be min, max, got foo");
}

TEST_CASE("a missing stopping metric is named with those that are there") {
  CHECK(stopping_metric_missing("v", {"a", "b"}) ==
        "Early stopping conditioned on metric `v` which is not available. Pass in or modify your "
        "`EarlyStopping` callback to use "
        "any of the following: `a`, `b`");
}
