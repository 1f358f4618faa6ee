// Every metric against what torchmetrics recorded (tests/conformance/record_metrics.py): ties, empty classes, several updates, all
// averages, ignored targets; logits, probabilities and labels.
#include <map>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/cli/registry.h"
#include "metrics/recorded.h"
#include "support/catch.h"

namespace {

std::shared_ptr<levin::metrics::Metric> make(const levin::Value& recorded) {
  levin::register_builtins();
  return levin::metric_registry().make(levin::Dict{{"class_path", recorded.at("metric")}, {"init_args", recorded.at("options")}});
}

bool same(double ours, double theirs) {
  if (std::isnan(theirs) || std::isinf(theirs)) return std::isnan(theirs) ? std::isnan(ours) : ours == theirs;
  return std::abs(ours - theirs) <= 1e-6 * std::max(1.0, std::abs(theirs));
}

void check_same(const at::Tensor& ours, const levin::Value& theirs) {
  CHECK(ours.sizes() == at::IntArrayRef(recorded_metrics::shape_of(theirs)));
  const at::Tensor flat = ours.to(at::kDouble).flatten();
  const levin::List& values = theirs.at("values").items();
  REQUIRE(flat.numel() == static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double got = flat[static_cast<std::int64_t>(i)].item<double>(), wanted = recorded_metrics::number(values[i]);
    INFO("element " << i << ": " << got << ", torchmetrics " << wanted);
    CHECK(same(got, wanted));
  }
}

}  // namespace

TEST_CASE("every metric computes what torchmetrics does: each batch, and all so far") {
  levin::CapturedMessages messages;
  const levin::Value cases = recorded_metrics::load("metrics.json");
  REQUIRE(cases.size() > 600);
  for (const levin::Value& recorded_case : cases.items()) {
    INFO(recorded_case.at("metric").as_string() << " " << recorded_case.at("options").repr(400) << " " << recorded_case.at("inputs").repr(400));
    const auto metric = make(recorded_case);
    CHECK(metric->name() == recorded_case.at("name").as_string());
    const levin::Value& specs = recorded_case.at("inputs");
    for (std::int64_t batch = 0; batch < 3; ++batch) {
      INFO("batch " << batch);
      const auto i = static_cast<std::size_t>(batch);
      check_same(metric->forward(levin::metrics::Metric::Inputs(recorded_metrics::inputs(specs, batch))), recorded_case.at("batch").items()[i]);
      check_same(metric->compute(), recorded_case.at("computed").items()[i]);
    }
    metric->update(levin::metrics::Metric::Inputs(recorded_metrics::inputs(specs, 3)));
    check_same(metric->compute(), recorded_case.at("computed").items()[3]);
    CHECK(metric->update_count() == 4);
  }
}

TEST_CASE("wrong arguments and wrong tensors get torchmetrics' words") {
  const levin::Value cases = recorded_metrics::load("errors.json");
  REQUIRE(cases.size() > 40);
  for (const levin::Value& recorded_case : cases.items()) {
    INFO(recorded_case.at("metric").as_string() << " " << recorded_case.at("options").repr(400) << " " << recorded_case.at("inputs").repr(400));
    std::string error, message;
    try {
      const auto metric = make(recorded_case);
      metric->forward(levin::metrics::Metric::Inputs(recorded_metrics::inputs(recorded_case.at("inputs"), 0)));
    } catch (const levin::Error& thrown) {
      error = thrown.name();
      message = thrown.what();
    }
    CHECK(error == recorded_case.at("error").as_string());
    CHECK(message == recorded_case.at("message").as_string());
  }
}

TEST_CASE("a metric that failed on a batch keeps what it had counted") {
  levin::register_builtins();
  const auto metric = levin::metric_registry().make("SumMetric");
  metric->update(2.0);
  CHECK_THROWS_AS(metric->forward(at::empty({1}), at::empty({1})), levin::TypeError);
  CHECK(metric->compute().item<double>() == 2);
}
