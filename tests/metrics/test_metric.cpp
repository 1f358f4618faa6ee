// The Metric base: states, batches, saving, ranks; collections.
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <barrier>
#include <cmath>
#include <thread>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/metrics/accuracy.h"
#include "levin/framework/metrics/aggregation.h"
#include "levin/framework/metrics/auroc.h"
#include "levin/framework/metrics/f1_score.h"
#include "levin/framework/metrics/mean_squared_error.h"
#include "levin/framework/metrics/metric_collection.h"
#include "levin/framework/metrics/precision_recall.h"
#include "levin/framework/metrics/r2_score.h"
#include "levin/framework/tensors/tensors.h"
#include "metrics/recorded.h"
#include "support/catch.h"

using namespace levin::metrics;

namespace {

// The example of metric.h.
class MeanBias final : public Metric {
 public:
  MeanBias() {
    add_state("total", total_, at::zeros({}), "sum");
    add_state("count", count_, at::zeros({}, at::kLong), "sum");
  }

 protected:
  void update_state(Inputs inputs) override {
    const auto& [preds, target] = take<2>(inputs, "preds, target");
    total_ += (preds - target).sum();
    count_ += preds.numel();
    ++updates;
  }
  at::Tensor compute_value() override { return total_ / count_; }

 public:
  int updates = 0;

 private:
  at::Tensor total_, count_;
};

// One state of each kind.
class AllKinds final : public Metric {
 public:
  explicit AllKinds(bool full) {
    full_state_update = full;
    add_state("mean", mean_, at::zeros({}), "mean");
    add_state("min", min_, at::ones({2}) * 1e9, "min");
    add_state("max", max_, at::ones({2}) * -1e9, "max");
    add_state("sum", sum_, at::zeros({2}), "sum");
    add_state("spread", spread_, at::zeros({2}), DistReduceFx::Function([](const at::Tensor& all) { return std::get<0>(all.max(0)); }));
    add_state("cat", cat_);
  }
  at::Tensor mean_, min_, max_, sum_, spread_;
  std::vector<at::Tensor> cat_;

 protected:
  void update_state(Inputs inputs) override {
    const auto& [x] = take<1>(inputs, "x");
    mean_ = x.mean();
    min_ = at::minimum(min_, x);
    max_ = at::maximum(max_, x);
    sum_ = sum_ + x;
    spread_ = at::maximum(spread_, x.abs());
    cat_.push_back(x);
  }
  at::Tensor compute_value() override { return at::cat({mean_.view(1), min_, max_, sum_, spread_, dim_zero_cat(cat_)}); }
};

std::shared_ptr<Accuracy> accuracy(const char* average = "micro") {
  return std::make_shared<Accuracy>(StatScoresOptions{.task = "multiclass", .num_classes = 3, .average = average});
}
at::Tensor scores(std::int64_t batch) { return recorded_metrics::wave({6, 3}, batch, 3.0).to(at::kFloat); }
at::Tensor targets(std::int64_t batch) { return recorded_metrics::integers({6}, batch, 0, 3); }

// `ranks` threads, each with a metric of its own and a real exchange between them.
template <class F>
void on_ranks(int ranks, F&& run) {
  std::barrier barrier(ranks);
  std::vector<at::Tensor> given(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      run(rank, [&, rank](const at::Tensor& mine) {
        given[static_cast<std::size_t>(rank)] = mine;
        barrier.arrive_and_wait();
        std::vector<at::Tensor> all;
        for (const at::Tensor& one : given) {
          if (one.sizes() != mine.sizes() || one.scalar_type() != mine.scalar_type()) std::abort();
          all.push_back(one.clone());
        }
        barrier.arrive_and_wait();
        return all;
      });
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace

TEST_CASE("a metric of one's own: batch value, all so far, reset") {
  MeanBias metric;
  CHECK(metric(at::ones({4}), at::zeros({4})).item<double>() == 1);
  CHECK(metric.updates == 2);  // full_state_update, as in torchmetrics
  CHECK(metric(at::ones({4}) * 3, at::zeros({4})).item<double>() == 3);
  CHECK(metric.compute().item<double>() == 2);
  CHECK(metric.forward_cache().item<double>() == 3);
  metric.reset();
  CHECK_FALSE(metric.update_called());
  CHECK_FALSE(metric.forward_cache().defined());
  metric.update(at::ones({2}), at::zeros({2}));
  CHECK(metric.compute().item<double>() == 1);
  CHECK_THROWS_WITH(metric.update(1.0), "MeanBias.update(preds, target) got 1 arguments");
}

TEST_CASE("one update per batch and two give the same states, whatever their reduction") {
  AllKinds once(false), twice(true);
  for (int i = 0; i < 4; ++i) {
    const at::Tensor x = recorded_metrics::wave({2}, i, 1.0).to(at::kFloat);
    CHECK(at::equal(once(x), twice(x)));
    // "mean" is of the batches in one, of the last batch in the other.
    CHECK(at::equal(once.compute().slice(0, 1), twice.compute().slice(0, 1)));
  }
  CHECK(once.update_count() == 4);
  CHECK(twice.update_count() == 4);
}

TEST_CASE("compute before update warns, and a computed value is kept until the next update") {
  const levin::CapturedMessages messages;
  MeanMetric metric;
  CHECK(std::isnan(metric.compute().item<double>()));
  CHECK(messages.warnings() == std::vector<std::string>{"The ``compute`` method of metric MeanMetric was called before the ``update`` method "
                                                        "which may lead to errors, as metric states have not yet been updated."});
  metric.update(1.0);
  const at::Tensor value = metric.compute();
  CHECK(metric.compute().is_same(value));
  metric.update(2.0);
  CHECK(metric.compute().item<double>() == 1.5);
  CHECK(value.item<double>() == 1);
}

TEST_CASE("the batch's value may be differentiated, the states hold no graph") {
  MeanSquaredError metric;
  const at::Tensor w = at::ones({3}).requires_grad_();
  metric(w * 2, at::zeros({3})).backward();
  CHECK(w.grad().sum().item<double>() == Approx(8));
  CHECK_FALSE(metric.compute().requires_grad());
}

TEST_CASE("states are saved when they are persistent, under their names") {
  const auto metric = accuracy("macro");
  metric->update(scores(0), targets(0));
  CHECK(metric->state_dict().size() == 0);
  metric->persistent(true);
  const levin::Value state = levin::snapshot(metric->state_dict());
  CHECK(state.size() == 4);
  CHECK(levin::to_tensor(state.at("tp").as_tensor()).sizes() == at::IntArrayRef{3});
  const auto other = accuracy("macro");
  other->load_state_dict(state);
  other->update(scores(1), targets(1));
  metric->update(scores(1), targets(1));
  CHECK(at::equal(other->compute(), metric->compute()));
}

TEST_CASE("the whole state survives, lists and the last batch's value too") {
  AUROC metric({.task = "binary"}), other({.task = "binary"});
  const at::Tensor x = recorded_metrics::wave({8}, 0, 0.5).to(at::kFloat) + 0.5, y = recorded_metrics::integers({8}, 0, 0, 2);
  metric(x, y);
  other.load_resume_state(levin::snapshot(metric.resume_state()));
  CHECK(other.update_count() == 1);
  CHECK(at::equal(other.forward_cache(), metric.forward_cache()));
  metric.update(y.to(at::kFloat) * 0.3, y);
  other.update(y.to(at::kFloat) * 0.3, y);
  CHECK(at::equal(other.compute(), metric.compute()));
}

TEST_CASE("several ranks compute what one would of all batches, also where one had none") {
  const auto alone = accuracy("macro");
  AUROC area_alone({.task = "multiclass", .num_classes = 3});
  for (std::int64_t batch = 0; batch < 5; ++batch) {
    alone->update(scores(batch), targets(batch));
    area_alone.update(scores(batch).softmax(1), targets(batch));
  }
  on_ranks(3, [&](int rank, const AllGather& gather) {
    const auto metric = accuracy("macro");
    AUROC area({.task = "multiclass", .num_classes = 3});
    metric->dist_sync_fn = area.dist_sync_fn = gather;
    // Rank 0 has 3 batches, rank 1 has 2, rank 2 has none.
    for (std::int64_t batch = rank; batch < 5 && rank < 2; batch += 2) {
      metric->forward(scores(batch), targets(batch));
      area.update(scores(batch).softmax(1), targets(batch));
    }
    const at::Tensor value = metric->compute(), area_value = area.compute();
    if (!at::equal(value, alone->compute()) || std::abs(area_value.item<double>() - area_alone.compute().item<double>()) > 1e-6) std::abort();
    // Afterwards each has its own again.
    if (metric->is_synced() || metric->update_count() != (rank == 0 ? 3 : rank == 1 ? 2 : 0)) std::abort();
  });
  SUCCEED();
}

TEST_CASE("a list that is no reduction keeps its items apart, of all ranks") {
  struct Boxes : Metric {
    Boxes() { add_state("boxes", boxes, {}); }
    std::string name() const override { return "Boxes"; }
    void update_state(Inputs inputs) override { boxes.push_back(inputs[0]); }
    at::Tensor compute_value() override {
      std::vector<std::int64_t> rows;
      for (const at::Tensor& box : boxes) rows.push_back(box.size(0));
      return at::tensor(rows);
    }
    std::vector<at::Tensor> boxes;
  };
  on_ranks(3, [&](int rank, const AllGather& gather) {
    Boxes metric;
    metric.dist_sync_fn = gather;
    // Rank 0 has none, rank 1 one of 2 rows, rank 2 two of 3 rows and 1 row.
    if (rank == 1) metric.update(at::zeros({2, 4}));
    if (rank == 2) metric.update(at::zeros({3, 4})), metric.update(at::zeros({1, 4}));
    if (!at::equal(metric.compute(), at::tensor(std::vector<std::int64_t>{2, 3, 1}))) std::abort();
  });
  SUCCEED();
}

TEST_CASE("NaN scores NaN, and makes predictions count as logits") {
  const float nan = std::nanf("");
  R2Score r2;
  r2.update(at::tensor(std::vector<float>{1, nan, 3}), at::tensor(std::vector<float>{1, 2, 3}));
  CHECK(std::isnan(r2.compute().item<double>()));
  Accuracy binary({.task = "binary"});
  binary.update(at::tensor(std::vector<float>{0.2f, 0.3f, nan, 0.9f}), at::tensor(std::vector<std::int64_t>{0, 0, 1, 1}));
  CHECK(binary.compute().item<double>() == 0.25);
}

TEST_CASE("sync and unsync by hand") {
  SumMetric metric;
  // The other rank's state has the same shape, and is greater by 1.
  metric.dist_sync_fn = [](const at::Tensor& mine) {
    return std::vector<at::Tensor>{mine, mine.scalar_type() == at::kLong ? mine : mine + 1};
  };
  metric.update(2.0);
  CHECK(metric.compute().item<double>() == 2 + 3);
  metric.sync();
  CHECK_THROWS_WITH(metric.sync(), "The Metric has already been synced.");
  CHECK_THROWS_WITH(metric.forward(1.0), "The Metric shouldn't be synced when performing ``forward``. HINT: Did you forget to call ``unsync`` ?.");
  metric.unsync();
  CHECK_THROWS_WITH(metric.unsync(), "The Metric has already been un-synced.");
  metric.update(1.0);
  CHECK(metric.compute().item<double>() == 3 + 4);
}

TEST_CASE("a collection: names, groups that share one update, values") {
  const StatScoresOptions options{.task = "multiclass", .num_classes = 3, .average = "macro"};
  const std::shared_ptr<Metric> metrics[] = {accuracy(), std::make_shared<F1Score>(options), std::make_shared<Recall>(options)};
  for (const bool grouped : {true, false}) {
    MetricCollection collection(MetricCollection::Metrics(std::begin(metrics), std::end(metrics)),
                                {.prefix = "val/", .postfix = "!", .compute_groups = grouped});
    CHECK(collection.compute_groups().size() == (grouped ? 2 : 3));
    collection.reset();
    collection.update(scores(0), targets(0));
    const auto values = collection.forward(scores(1), targets(1));
    REQUIRE(values.size() == 3);
    CHECK(values[1].first == "val/MulticlassF1Score!");
    collection.update(scores(2), targets(2));
    Recall alone(options);
    for (int i = 0; i < 3; ++i) alone.update(scores(i), targets(i));
    CHECK(at::equal(collection.compute()[2].second, alone.compute()));
    CHECK(collection["MulticlassRecall"].update_count() == 3);
    CHECK(&collection["val/MulticlassRecall!"] == metrics[2].get());
    CHECK_THROWS_AS(collection["Recall"], levin::KeyError);
  }
  CHECK_THROWS_WITH(MetricCollection(MetricCollection::Metrics{accuracy(), accuracy()}), "Encountered two metrics both named MulticlassAccuracy");
  const MetricCollection named(MetricCollection::NamedMetrics{{"b", accuracy()}, {"a", accuracy()}});
  CHECK(named.items().front().first == "a");
}

TEST_CASE("where torchmetrics slips, numbers are right and errors say what is wrong") {
  MeanMetric mean({.nan_strategy = "disable"});
  mean.update(at::arange(2, at::kFloat), at::arange(2, at::kFloat) * 3);
  CHECK(mean.compute().item<double>() == 1);

  AUROC area({.task = "binary"});
  CHECK_THROWS_AS(area.update(targets(0) > 0, (targets(0) > 0).to(at::kLong)), levin::ValueError);

  // The curve of these thresholds ends at a false positive rate below 0.9; it goes on to (1, 1).
  AUROC partial({.task = "binary", .thresholds = std::vector<double>{0.5, 0.9}, .max_fpr = 0.9});
  const std::vector<float> scored{0.0f, 0.5f, 0.6f, 0.95f};
  partial.update(at::tensor(scored), (at::arange(4) > 1).to(at::kLong));
  CHECK(partial.compute().item<double>() == Approx(0.5 * (1 + (0.775 - 0.405) / (0.9 - 0.405))));

  const auto labels = accuracy();
  CHECK_THROWS_WITH(labels->update(at::arange(4), at::arange(4)),
                    "Detected more unique values in `target` than expected. Expected only 3 but found 4 in `target`. Found values: tensor([0, 1, 2, 3]).");
  CHECK_THROWS_WITH(labels->update(at::arange(3) + 1, at::arange(3)),
                    "Expected all values in `preds` to be in [0, 2], the number of classes being 3. Found values: tensor([1, 2, 3]).");
}
