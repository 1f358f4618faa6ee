#include "levin/framework/module/metric_module.h"

#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/metric_collection.h"
#include "levin/framework/results/metric_log.h"

namespace levin {
namespace {

// A MetricCollection as a child; its metrics are children of it.
struct CollectionModule final : torch::nn::Module {
  CollectionModule() : Module("MetricCollection") {}
  void add(const std::string& name, const std::shared_ptr<metrics::Metric>& metric) {
    register_module(name, std::make_shared<MetricModule>(metric));
  }
};

void collect(const torch::nn::Module& module, const std::string& prefix, LightningModule::NamedMetrics& out) {
  for (const auto& child : module.named_children()) {
    const std::string name = prefix + child.key();
    if (const auto* holder = dynamic_cast<const MetricModule*>(child.value().get())) out.emplace_back(name, holder->metric());
    else collect(*child.value(), name + ".", out);
  }
}

const std::string* find(const LightningModule::NamedMetrics& known, const metrics::Metric& metric) {
  for (const auto& [name, held] : known)
    if (held.get() == &metric) return &name;
  return nullptr;
}

}  // namespace

MetricModule::MetricModule(std::shared_ptr<metrics::Metric> metric) : Module(metric->name()), metric_(std::move(metric)) {}
MetricModule::~MetricModule() = default;

void MetricModule::to(at::Device device, at::ScalarType, bool) { metric_->to(device); }
void MetricModule::to(at::ScalarType, bool) {}
void MetricModule::to(at::Device device, bool) { metric_->to(device); }

void LightningModule::add_metric(const std::string& name, const std::shared_ptr<metrics::Metric>& metric) {
  if (!metric) throw ValueError("register_metric(\"" + name + "\", ...) got no metric");
  register_module(name, std::make_shared<MetricModule>(metric));
}

void LightningModule::add_metric(const std::string& name, const std::shared_ptr<metrics::MetricCollection>& metrics) {
  if (!metrics) throw ValueError("register_metric(\"" + name + "\", ...) got no metrics");
  const auto holder = register_module(name, std::make_shared<CollectionModule>());
  for (const auto& [key, metric] : metrics->items(/*keep_base=*/true)) holder->add(key, metric);
}

LightningModule::NamedMetrics LightningModule::named_metrics() const {
  NamedMetrics out;
  collect(*this, "", out);
  return out;
}

const std::string& LightningModule::attribute_of(const metrics::Metric& metric, std::string_view key) {
  if (const std::string* name = find(known_metrics_, metric)) return *name;
  known_metrics_ = named_metrics();
  if (const std::string* name = find(known_metrics_, metric)) return *name;
  std::string message = "Could not find the `LightningModule` attribute for the `torchmetrics.Metric` logged. You can fix this by ";
  if (known_metrics_.empty()) {
    throw MisconfigurationException(message + "setting an attribute for the metric in your `LightningModule`: `register_metric(\"" +
                                    std::string(key) + "\", metric)`.");
  }
  message += "calling `self.log(" + std::string(key) + ", ..., metric_attribute=name)` where `name` is one of [";
  for (const auto& [name, unused] : known_metrics_) message += (name == known_metrics_.front().first ? "'" : ", '") + name + "'";
  throw MisconfigurationException(message + "]");
}

void LightningModule::log(std::string_view name, const std::shared_ptr<metrics::Metric>& metric, const LogOptions& options) {
  if (!metric) throw ValueError("`self.log(" + std::string(name) + ", ...)` was called with no metric");
  if (!link_) return log(name, 0.0, options);
  LogOptions named = options;
  if (named.metric_attribute.empty()) named.metric_attribute = attribute_of(*metric, name);
  link_->metric_log().log(name, metric, named);
}

void LightningModule::log_dict(const std::shared_ptr<metrics::MetricCollection>& metrics, const LogOptions& options) {
  for (const auto& [name, metric] : metrics->items()) log(name, metric, options);
}

Value metrics_state(const LightningModule& module) {
  Value out = Value::dict();
  for (const auto& [name, metric] : module.named_metrics()) out[name] = metric->resume_state();
  return out;
}

void load_metrics_state(const LightningModule& module, const Value& state) {
  for (const auto& [name, metric] : module.named_metrics())
    if (const Value* saved = state.find(name)) metric->load_resume_state(*saved);
}

}  // namespace levin
