#include "levin/framework/cli/registry.h"

#include "levin/framework/base/config/plural.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/cli/optimizer_registry.h"
#include "levin/framework/trainer/trainer_options.h"

namespace levin {

Registry<LightningModule>& module_registry() {
  static Registry<LightningModule> registry("module");
  return registry;
}
Registry<LightningDataModule>& data_registry() {
  static Registry<LightningDataModule> registry("data module");
  return registry;
}
Registry<Callback>& callback_registry() {
  static Registry<Callback> registry("callback");
  return registry;
}
Registry<Logger>& logger_registry() {
  static Registry<Logger> registry("logger");
  return registry;
}
Registry<metrics::Metric>& metric_registry() {
  static Registry<metrics::Metric> registry("metric");
  return registry;
}

ClassConfig ClassConfig::read(const Value& config) {
  if (config.is_string()) return {config.as_string(), Value::dict()};
  if (!config.is_dict()) throw TypeError("expected a class name or {\"class_path\": ..., \"init_args\": {...}}, got " + config.type_name() + " " + config.repr(60));
  Problems problems;
  for (const auto& [key, unused] : config.as_dict()) {
    const std::string name = key.is_string() ? key.as_string() : key.repr();
    if (name == "class_path" || name == "init_args") continue;
    const std::string near = nearest_name(name, {"class_path", "init_args"});
    problems.add({"", "unknown key '" + name + "'; " + (near.empty() ? "a class's options stand in \"init_args\": {...}" : "did you mean '" + near + "'?"), "KeyError", name});
  }
  const Value *class_path = config.find("class_path"), *init_args = config.find("init_args");
  if (!class_path || class_path->is_none()) problems.add({"", "\"class_path\" is missing; it names the class, as in {\"class_path\": \"NAME\"}"});
  else problems.collect("class_path", [&] { (void)class_path->as_string(); });
  problems.throw_any();
  return {class_path->as_string(), init_args && !init_args->is_none() ? *init_args : Value::dict()};
}

void throw_unknown_class(const std::string& class_path, const std::string& kind, const std::vector<std::string>& names) {
  const std::string near = nearest_name(class_path.substr(class_path.rfind('.') + 1), names);
  std::string text = "unknown class '" + class_path + "'";
  if (!near.empty()) {
    text += "; did you mean '" + near + "'?";
  } else {
    text += "; known " + plural(kind) + ":";
    for (const std::string& name : names) text += " " + name;
  }
  throw OptionErrors({{"", text, "ValueError", "class_path"}});
}

namespace {
template <class Base>
void describe(const Registry<Base>& registry, Catalog& catalog) {
  auto& classes = catalog.kinds[registry.kind()];
  for (const auto& [name, entry] : registry.entries()) classes.push_back({name, entry.describe()});
}
}  // namespace

Catalog registered_classes() {
  register_builtins();
  Catalog out;
  out.trainer = describe_fields(TrainerOptions{});
  describe(module_registry(), out);
  describe(data_registry(), out);
  describe(callback_registry(), out);
  describe(logger_registry(), out);
  describe(metric_registry(), out);
  describe(strategy_registry(), out);
  describe(optimizer_registry(), out);
  describe(lr_scheduler_registry(), out);
  out.schedule = describe_schedule();
  return out;
}

}  // namespace levin
