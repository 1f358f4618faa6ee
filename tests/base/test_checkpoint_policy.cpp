#include <cstdlib>
#include <random>

#include "levin/framework/base/decisions/checkpoint_policy.h"
#include "support/catch.h"

using namespace levin;
using Event = Moment::Event;
using Last = CheckpointDecision::Last;

namespace {

Moment at(Event event, std::int64_t epoch, std::int64_t step, bool has_metric = true) {
  return {.event = event, .epoch = epoch, .global_step = step, .has_metric = [=](std::string_view) {
            return has_metric;
          }};
}

// Acts on a decision as the callback does, with every checkpoint admitted; returns what happened:
// "t" top k, "l" last, "x" exception.
std::string act(CheckpointPolicy& policy, const Moment& moment) {
  const CheckpointDecision decision = policy.decide(moment);
  std::string done;
  const std::string path = "step=" + std::to_string(moment.global_step);
  if (decision.exception) done += "x", policy.saved(moment.global_step, path);
  if (decision.top_k) done += "t", policy.saved(moment.global_step, path);
  if (policy.wants_last(decision, moment.global_step)) {
    done += policy.last_is_link() ? "k" : "l";
    if (!policy.last_is_link()) policy.saved(moment.global_step, "last");
    policy.move_last("last");
  }
  return done;
}

// Lightning's hooks, written down as they stand, for the same question.
struct Reference {
  CheckpointPlan plan;
  std::int64_t last_step = 0;
  std::optional<double> last_time;
  std::string last_saved, done;
  bool defer = false;

  void save(const Moment& m, const char* what, const char* path) {
    done += what, last_step = m.global_step, last_saved = path;
  }
  void top(const Moment& m) { save(m, "t", "step"); }
  void last(const Moment& m) {
    if (!plan.saves_last) return;
    if (plan.links_last && !last_saved.empty())
      done += "k";
    else
      save(m, "l", "last");
  }
  void epoch_end(const Moment& m) {
    if (plan.every_n_epochs >= 1 && (m.epoch + 1) % plan.every_n_epochs == 0) top(m);
    if (last_step == m.global_step || (plan.links_last && !last_saved.empty())) last(m);
  }
  void batch_end(const Moment& m, bool skip) {
    const auto n = plan.every_n_train_steps;
    const bool skip_batch = n < 1 || m.global_step % n != 0;
    const bool has = !plan.options.monitor || m.has("v");
    if (!m.automatic_optimization) {
      if (skip_batch || skip) return;
      if (!has) return void(defer = true);
      return top(m), last(m);
    }
    bool skip_time = true;
    if (const auto& interval = plan.options.train_time_interval)
      skip_time = !last_time || m.seconds - *last_time < interval->count();
    if (skip_batch && skip_time) return;
    if (!skip_time) last_time = m.seconds;
    if (!has) return void(defer = true);
    if (plan.options.monitor && !m.saves_on_train_epoch_end && m.is_last_batch &&
        m.validation_follows)
      return void(defer = true);
    if (!skip) top(m), last(m);
  }
  std::string act(const Moment& m) {
    done.clear();
    const bool skip =
        m.fast_dev_run || !m.fitting || m.sanity_checking || last_step == m.global_step;
    if (m.event == Event::train_start) last_time = m.seconds;
    if (m.event == Event::train_batch_end) batch_end(m, skip);
    if (m.event == Event::train_epoch_end && !skip && m.saves_on_train_epoch_end) epoch_end(m);
    if (m.event == Event::validation_end && !skip && !m.saves_on_train_epoch_end) {
      if (defer)
        top(m), last(m), defer = false;
      else
        epoch_end(m);
    }
    if (m.event == Event::train_end && last_saved.empty()) last(m);
    if (m.event == Event::exception && plan.options.save_on_exception && !m.fast_dev_run &&
        !m.sanity_checking && last_step != m.global_step)
      save(m, "x", "step"), last(m);
    return done;
  }
};

}  // namespace

TEST_CASE("last goes stale when nothing is saved at an epoch's end, but a link is renewed") {
  CheckpointPolicy copy(CheckpointPlan({.save_last = true, .every_n_epochs = 2}));
  CheckpointPolicy link(CheckpointPlan({.save_last = std::string("link"), .every_n_epochs = 2}));
  CHECK(act(copy, at(Event::train_epoch_end, 1, 4)) == "tl");
  CHECK(act(copy, at(Event::train_epoch_end, 2, 6)).empty());
  CHECK(act(link, at(Event::train_epoch_end, 1, 4)) == "tk");
  CHECK(act(link, at(Event::train_epoch_end, 2, 6)) == "k");
}

TEST_CASE("last is written once at the end of training when nothing was saved before") {
  CheckpointPolicy policy(CheckpointPlan({.save_last = true, .every_n_epochs = 0}));
  CHECK(act(policy, at(Event::train_epoch_end, 0, 2)).empty());
  CHECK(act(policy, at(Event::train_end, 1, 2)) == "l");
  CHECK(act(policy, at(Event::train_end, 1, 2)).empty());
}

TEST_CASE("a save put off to a validation stays put off until one that may save") {
  CheckpointPolicy policy(CheckpointPlan({.monitor = "v", .every_n_train_steps = 2}));
  auto validation = at(Event::validation_end, 0, 3);
  validation.saves_on_train_epoch_end = false;
  CHECK(act(policy, at(Event::train_batch_end, 0, 2, false)).empty());
  auto sanity = validation;
  sanity.sanity_checking = true;
  CHECK(act(policy, sanity).empty());
  CHECK(act(policy, validation) == "t");
  validation.global_step = 5;
  CHECK(act(policy, validation).empty());
}

TEST_CASE("a put-off save and the clock survive a resume") {
  const CheckpointPlan plan({.monitor = "v", .train_time_interval = Seconds(10)});
  CheckpointPolicy first(plan), second(plan);
  auto moment = at(Event::train_start, 0, 0);
  moment.seconds = 100;
  act(first, moment);
  moment = at(Event::train_batch_end, 0, 1);
  moment.seconds = 107;
  act(first, moment);
  second.load_trigger_state(first.trigger_state());
  moment = at(Event::train_start, 0, 1);
  moment.seconds = 5;
  act(second, moment);
  moment = at(Event::train_batch_end, 0, 2);
  moment.seconds = 7.5;
  CHECK(act(second, moment).empty());
  moment.seconds = 8;
  CHECK(act(second, moment) == "t");
}

TEST_CASE("nothing is saved before the first step") {
  CheckpointPolicy policy(CheckpointPlan({.every_n_train_steps = 1}));
  CHECK(act(policy, at(Event::train_batch_end, 0, 0)).empty());
}

TEST_CASE("random runs decide as Lightning's hooks, written down independently, do") {
  const char* given = std::getenv("LEVIN_LONG");
  const int runs = given ? std::atoi(given) : 2000;
  std::mt19937 random(5);
  auto one_in = [&](unsigned n) { return random() % n == 0; };
  for (int run = 0; run < runs; ++run) {
    ModelCheckpointOptions options{.save_on_exception = one_in(2)};
    if (one_in(2)) options.monitor = "v";
    if (one_in(3))
      options.save_last = true;
    else if (one_in(2))
      options.save_last = std::string("link");
    const auto n = static_cast<std::int64_t>(random() % 4);
    if (one_in(3))
      options.every_n_train_steps = n;
    else if (one_in(2))
      options.every_n_epochs = n;
    else if (one_in(2))
      options.train_time_interval = Seconds(static_cast<double>(n));
    CheckpointPolicy policy{CheckpointPlan(options)};
    Reference reference{CheckpointPlan(options)};
    Moment m{.saves_on_train_epoch_end = one_in(2),
             .automatic_optimization = !one_in(5),
             .fast_dev_run = one_in(20)};
    for (int i = 0; i < 40; ++i) {
      m.event =
          i == 0 ? Event::train_start : static_cast<Event>(1 + random() % (one_in(8) ? 5 : 3));
      m.epoch += m.event == Event::train_epoch_end;
      m.global_step += m.event == Event::train_batch_end && !one_in(4);
      m.seconds += static_cast<double>(random() % 3) / 2;
      m.is_last_batch = one_in(2);
      m.validation_follows = one_in(2);
      m.sanity_checking = one_in(10);
      m.fitting = !one_in(15);
      m.has_metric = [has = !one_in(3)](std::string_view) { return has; };
      REQUIRE(act(policy, m) == reference.act(m));
    }
  }
}

TEST_CASE("where saves happen is resolved as Lightning resolves it") {
  CHECK(saves_on_train_epoch_end(true, {.check_val_every_n_epoch = 2}));
  CHECK_FALSE(saves_on_train_epoch_end({}, {.every_so_much_time = true}));
  CHECK_FALSE(saves_on_train_epoch_end({}, {.check_val_every_n_epoch = 2}));
  CHECK_FALSE(saves_on_train_epoch_end({}, {.check_val_every_n_epoch = {}}));
  CHECK(saves_on_train_epoch_end({}, {.total_batches = 0, .val_check_interval = 0.5}));
  CHECK(saves_on_train_epoch_end({}, {.total_batches = 3}));
  CHECK_FALSE(saves_on_train_epoch_end({}, {.total_batches = 3, .val_check_interval = 0.5}));
}

TEST_CASE("only files in dirpath are removed, never the one resumed from") {
  CHECK(may_remove("/runs/a/x.ckpt", "/runs/a/y.ckpt", "/runs/a", {}));
  CHECK(may_remove("/runs/a/b/x.ckpt", "/runs/a/y.ckpt", "/runs/a/", {}));
  CHECK_FALSE(may_remove("/runs/a/x.ckpt", "/runs/a/x.ckpt", "/runs/a", {}));
  CHECK_FALSE(may_remove("/runs/ab/x.ckpt", "/runs/a/y.ckpt", "/runs/a", {}));
  CHECK_FALSE(may_remove("/runs/a/x.ckpt", "/runs/a/y.ckpt", "/runs/a", "/runs/a/x.ckpt"));
  CHECK(may_remove("s3://bucket/x.ckpt", "s3://bucket/y.ckpt", "s3://bucket", {}));
}

TEST_CASE(
    "the checkpoint state has Lightning's keys, and a moved folder brings back the best path "
    "only") {
  const CheckpointPlan plan({.monitor = "v", .save_top_k = 2});
  CheckpointPolicy policy(plan), same(plan), moved(plan);
  policy.top_k().admit("/a/x.ckpt", {0.5});
  policy.move_last("/a/last.ckpt");
  const Value state = policy.state_dict("/a");
  std::string keys;
  for (const auto& [key, value] : state.as_dict()) keys += key.as_string() + " ";
  CHECK(keys ==
        "monitor best_model_score best_model_path current_score dirpath best_k_models "
        "kth_best_model_path kth_value "
        "last_model_path ");
  CHECK_FALSE(same.load_state_dict(state, "/a"));
  CHECK(same.last_model_path() == "/a/last.ckpt");
  CHECK(same.top_k().best_k_models().size() == 1);
  CHECK(moved.load_state_dict(state, "/b")
            .value()
            .find("The dirpath has changed from '/a' to '/b', therefore") == 0);
  CHECK(moved.top_k().best_model_path() == "/a/x.ckpt");
  CHECK(moved.top_k().best_k_models().empty());
}

TEST_CASE("the messages of a checkpoint are Lightning's") {
  TopK top(1, MonitorMode::min);
  top.admit("/x.ckpt", {2.5});
  CHECK(saving_line(1, 4, "v", top, "/x.ckpt") ==
        "Epoch 1, global step 4: 'v' reached 2.50000 (best 2.50000), saving model to '/x.ckpt' as "
        "top 1");
  CHECK(not_saving_line(2, 6, "v", top) == "Epoch 2, global step 6: 'v' was not in top 1");
  CHECK(monitored_key_missing("v", {"a", "epoch"}) ==
        "`ModelCheckpoint(monitor='v')` could not find the monitored key in the returned metrics: "
        "['a', 'epoch']. HINT: Did you "
        "call `log('v', value)` in the `LightningModule`?");
}
