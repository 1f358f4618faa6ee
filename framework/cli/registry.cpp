#include "levin/framework/cli/registry.h"

namespace levin {

Registry<LightningModule>& module_registry() {
  static Registry<LightningModule> registry("models");
  return registry;
}
Registry<LightningDataModule>& data_registry() {
  static Registry<LightningDataModule> registry("data modules");
  return registry;
}
Registry<Callback>& callback_registry() {
  static Registry<Callback> registry("callbacks");
  return registry;
}
Registry<Logger>& logger_registry() {
  static Registry<Logger> registry("loggers");
  return registry;
}
Registry<metrics::Metric>& metric_registry() {
  static Registry<metrics::Metric> registry("metrics");
  return registry;
}

}  // namespace levin
