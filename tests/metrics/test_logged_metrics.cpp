// Metrics in log(): recorded runs of Lightning (tests/conformance/record_metrics.py) to the number, and the rules of registering.
#include <ATen/ops/zeros.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/accuracy.h"
#include "levin/framework/metrics/aggregation.h"
#include "levin/framework/metrics/confusion_matrix.h"
#include "levin/framework/metrics/f1_score.h"
#include "levin/framework/metrics/metric_collection.h"
#include "levin/framework/metrics/precision_recall.h"
#include "metrics/recorded.h"
#include "support/catch.h"
#include "support/tiny_module.h"

using namespace levin::metrics;
using levin::Value;

namespace {

// Rows of the logger, as recorded: the step and the metrics by name.
class Rows final : public levin::Logger {
 public:
  std::string name() const override { return "rows"; }
  std::string version() const override { return "0"; }
  std::optional<std::string> save_dir() const override { return std::nullopt; }
  void log_metrics(std::span<const levin::Metric> metrics, std::int64_t step) override {
    std::map<std::string, double> sorted;
    for (const auto& metric : metrics) sorted.emplace(metric.name, metric.value);
    rows.emplace_back(step, sorted);
  }
  std::vector<std::pair<std::int64_t, std::map<std::string, double>>> rows;
};

std::map<std::string, double> numbers(const Value& dict) {
  std::map<std::string, double> out;
  for (const auto& [name, value] : dict.as_dict()) out[name.as_string()] = value.as_double();
  return out;
}

// `Module` of the recording.
class Recorded final : public levin::LightningModule {
 public:
  explicit Recorded(const Value& run) : run_(run), w_(register_parameter("w", at::zeros({1}))) {
    for (const char* stage : {"train", "val"}) {
      for (int i = 0; i < 2; ++i) {
        const std::string name = std::string(stage) + "_" + std::to_string(i);
        const StatScoresOptions micro{.task = "multiclass", .num_classes = 3}, macro{.task = "multiclass", .num_classes = 3, .average = "macro"};
        const auto metric = std::make_shared<Accuracy>(micro);
        const Value* spec = run.find(stage);
        if (!spec || !spec->contains("collection")) {
          metrics_[name] = register_metric(name, metric);
          continue;
        }
        collections_[name] = register_metric(name, std::make_shared<MetricCollection>(
            MetricCollection::Metrics{metric, std::make_shared<F1Score>(macro), std::make_shared<Recall>(macro)},
            MetricCollectionOptions{.prefix = std::string(stage) + "/", .postfix = "!"}));
      }
    }
  }

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    step("train", batch, 0);
    return (w_ * batch[0].tensor().sum()).sum();
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    step("val", batch, batch.dataloader_idx());
    return {};
  }
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { note(); }
  void on_validation_end() override { note(); }
  void on_train_epoch_end() override {
    const Value* spec = run_.find("train");
    if (spec && spec->contains("log_at")) log_it("train", *spec, 0);
    note();
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 0.0}); }

  std::map<std::string, double> now() {
    std::map<std::string, double> out;
    for (const auto& [name, value] : trainer().callback_metrics()) out[name] = value.item();
    return out;
  }
  std::vector<std::map<std::string, double>> seen;

 private:
  void note() { seen.push_back(now()); }
  void step(const std::string& stage, const levin::Batch& batch, std::int64_t index) {
    const Value* spec = run_.find(stage);
    if (!spec) return;
    const std::int64_t which = spec->contains("each") ? index : 0;
    const std::string name = stage + "_" + std::to_string(which);
    const bool forward = spec->at("how").as_string() == "forward";
    if (spec->contains("collection")) {
      if (forward) collections_[name]->forward(batch[0], batch[1]);
      else collections_[name]->update(batch[0], batch[1]);
    } else if (forward) {
      metrics_[name]->forward(batch[0], batch[1]);
    } else {
      metrics_[name]->update(batch[0], batch[1]);
    }
    if (!spec->contains("log_at")) log_it(stage, *spec, which);
  }
  void log_it(const std::string& stage, const Value& spec, std::int64_t index) {
    const Value& log_arguments = spec.at("log");
    const auto flag = [&](const char* name) {
      const Value* given = log_arguments.find(name);
      return given ? std::optional<bool>(given->as_bool()) : std::nullopt;
    };
    const levin::LogOptions options{.prog_bar = flag("prog_bar").value_or(false), .logger = flag("logger"), .on_step = flag("on_step"),
                                    .on_epoch = flag("on_epoch"), .add_dataloader_idx = flag("add_dataloader_idx").value_or(true)};
    const std::string number = std::string("_").append(std::to_string(index)), name = stage + number;
    if (spec.contains("collection")) log_dict(collections_[name], options);
    else log(stage + "_acc" + (options.add_dataloader_idx ? std::string() : number), metrics_[name], options);
  }

  Value run_;
  at::Tensor w_;
  std::map<std::string, std::shared_ptr<Accuracy>> metrics_;
  std::map<std::string, std::shared_ptr<MetricCollection>> collections_;
};

levin::DataLoader loader(std::int64_t offset, std::int64_t batches) {
  const std::int64_t rows = 5 * batches - 2;
  return levin::DataLoader(levin::TensorDataset({recorded_metrics::wave({rows, 3}, offset, 3.0).to(at::kFloat), recorded_metrics::integers({rows}, offset, 0, 3)}),
                           {.batch_size = 5});
}

// Does something with a metric in training_step.
class WithMetric : public TinyModule {
 public:
  using Do = std::function<void(WithMetric&)>;
  explicit WithMetric(Do act) : act_(std::move(act)) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
    act_(*this);
    return TinyModule::training_step(batch, idx);
  }

 private:
  Do act_;
};

// Adds in place, as a metric of one's own may.
class InPlace final : public Metric {
 public:
  InPlace() { add_state("total", total_, at::zeros({}), "sum"); }

 protected:
  void update_state(Inputs inputs) override {
    const auto& [x] = take<1>(inputs, "x");
    total_ += x.sum();
  }
  at::Tensor compute_value() override { return total_; }

 private:
  at::Tensor total_;
};

class Validated final : public TinyModule {
 public:
  Validated() : total_(register_metric("total", std::make_shared<InPlace>())) {}
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    total_->forward(batch[0]);
    log("total", total_);
    return {};
  }

 private:
  std::shared_ptr<InPlace> total_;
};

levin::MetricMap fit(levin::LightningModule& module) {
  levin::Trainer trainer(quiet({.max_epochs = 2, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(3)});
  return trainer.callback_metrics();
}

}  // namespace

TEST_CASE("logged metrics show what Lightning shows, step for step") {
  levin::CapturedMessages messages;
  const Value runs = recorded_metrics::load("runs.json");
  REQUIRE(runs.size() == 12);
  for (const Value& run : runs.items()) {
    INFO(run.at("name").as_string());
    Recorded module(run);
    const auto rows = std::make_shared<Rows>();
    const Value* interval = run.find("val_check_interval");
    levin::Trainer trainer(quiet({.logger = rows, .max_epochs = 2,
                                  .val_check_interval = interval ? std::optional<levin::ValCheckOption>(interval->as_int()) : std::nullopt,
                                  .log_every_n_steps = 1, .enable_checkpointing = false}));
    std::vector<std::shared_ptr<levin::Loader>> val;
    for (std::int64_t i = 0; i < (run.contains("loaders") ? run.at("loaders").as_int() : 0); ++i) val.push_back(std::make_shared<levin::DataLoader>(loader(10 + i, 3)));
    trainer.fit(module, {.train = loader(0, 4), .val = val});

    const levin::List& theirs = run.at("rows").items();
    REQUIRE(rows->rows.size() == theirs.size());
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      INFO("row " << i);
      CHECK(rows->rows[i].first == theirs[i].at("step").as_int());
      CHECK(rows->rows[i].second == numbers(theirs[i].at("metrics")));
    }
    const levin::List& seen = run.at("seen").items();
    REQUIRE(module.seen.size() == seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      INFO("hook " << i);
      CHECK(module.seen[i] == numbers(seen[i]));
    }
    CHECK(module.now() == numbers(run.at("callback_metrics")));
  }
}

TEST_CASE("a metric that is logged must be registered, or be given a name") {
  const auto metric = std::make_shared<MeanMetric>();
  WithMetric none([&](WithMetric& module) { module.log("loss", metric); });
  CHECK_THROWS_WITH(fit(none), Catch::Matchers::StartsWith("Could not find the `LightningModule` attribute for the `torchmetrics.Metric` logged. "
                                                           "You can fix this by setting an attribute for the metric in your `LightningModule`"));
  WithMetric other([&](WithMetric& module) { module.log("loss", metric); });
  other.register_metric("a", std::make_shared<MeanMetric>());
  other.register_metric("b", std::make_shared<MetricCollection>(MetricCollection::Metrics{std::make_shared<SumMetric>()}));
  CHECK_THROWS_WITH(fit(other), "Could not find the `LightningModule` attribute for the `torchmetrics.Metric` logged. You can fix this by calling "
                                "`self.log(loss, ..., metric_attribute=name)` where `name` is one of ['a', 'b.SumMetric']");
  WithMetric named([&](WithMetric& module) {
    metric->update(1.0);
    module.log("loss", metric, {.on_epoch = true, .metric_attribute = "somewhere"});
  });
  CHECK(fit(named).at("loss") == 1);
  CHECK_FALSE(metric->update_called());
}

TEST_CASE("one key logs one metric, and a number") {
  const auto a = std::make_shared<MeanMetric>(), b = std::make_shared<MeanMetric>();
  for (const bool number : {false, true}) {
    WithMetric module([&](WithMetric& m) {
      m.log("x", a);
      if (number) m.log("x", 1.0);
      else m.log("x", b);
    });
    module.register_metric("a", a);
    module.register_metric("b", b);
    CHECK_THROWS_WITH(fit(module), "You called `self.log(x, ...)` twice in `training_step` with different arguments. This is not allowed");
  }
}

TEST_CASE("a logged metric computes one number") {
  const auto matrix = std::make_shared<ConfusionMatrix>(ConfusionMatrixOptions{.task = "binary"});
  WithMetric module([&](WithMetric& m) {
    matrix->forward(at::zeros({2}), at::zeros({2}, at::kLong));
    m.log("matrix", matrix);
  });
  module.register_metric("matrix", matrix);
  CHECK_THROWS_WITH(fit(module), "The metric `matrix` (a tensor of 4 elements) does not contain a single element, thus it cannot be converted to a scalar.");
}

TEST_CASE("persistent metrics are part of the module's state_dict, others are not") {
  const auto make = [](std::shared_ptr<Metric> metric) {
    auto module = std::make_unique<TinyModule>();
    module->register_metric("acc", metric);
    return module;
  };
  const auto metric = std::make_shared<SumMetric>(), other = std::make_shared<SumMetric>();
  const auto module = make(metric), target = make(other);
  metric->update(3.0);
  CHECK_FALSE(module->state_dict().contains("acc.sum_value"));
  CHECK(module->state_dict().as_dict().attributes.at("_metadata").contains("acc"));
  metric->persistent(true);
  CHECK(module->state_dict().contains("acc.sum_value"));
  target->load_state_dict(module->state_dict());
  other->update(1.0);
  CHECK(other->compute().item<double>() == 4);
}

TEST_CASE("metrics move with their module and keep their type") {
  TinyModule module;
  const auto metric = module.register_metric("sum", std::make_shared<SumMetric>());
  metric->update(2.0);
  module.to(at::kDouble);
  CHECK(metric->compute().scalar_type() == at::kFloat);
  module.children().front()->to(at::kMeta);
  CHECK(metric->device().is_meta());
}

TEST_CASE("a metric that was used in inference mode goes on in training") {
  Validated module;
  levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false}));
  const double validated = trainer.validate(module, {.dataloaders = tiny_data(3)}).front().at("total");
  CHECK(validated > 0);
  trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(3)});
  CHECK(trainer.callback_metrics().at("total") == validated);
}
