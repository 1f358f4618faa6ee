#include "levin/callbacks/device_stats_monitor.h"

#include <map>
#include <mutex>

#include "levin/callbacks/own_rows.h"
#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/strategy.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

std::mutex mutex;

std::map<at::DeviceType, DeviceStatsFn>& registered() {
  static std::map<at::DeviceType, DeviceStatsFn> all;
  return all;
}

DeviceStats stats_of(at::Device device) {
  const std::lock_guard lock(mutex);
  const auto found = registered().find(device.type());
  if (found != registered().end()) return found->second(device);
  warn_once("DeviceStatsMonitor: nothing is known of devices such as " + device.str());
  return {};
}

}  // namespace

void register_device_stats(at::DeviceType type, DeviceStatsFn fn) {
  const std::lock_guard lock(mutex);
  registered()[type] = std::move(fn);
}

DeviceStatsMonitor::DeviceStatsMonitor(Options options) : options_(options) {}

void DeviceStatsMonitor::setup(Trainer& trainer, LightningModule&, std::string_view stage) {
  if (stage == "fit" && trainer.loggers().empty())
    throw MisconfigurationException("Cannot use `DeviceStatsMonitor` callback with `Trainer(logger=False)`.");
}

DeviceStats DeviceStatsMonitor::cpu_stats() {
  const MemoryStats memory = read_memory_stats();
  return {{"cpu_vm_percent", memory.vm_percent}, {"cpu_percent", cpu_percent_(read_cpu_times())}, {"cpu_swap_percent", memory.swap_percent}};
}

void DeviceStatsMonitor::log(Trainer& trainer, std::string_view hook) {
  if (!own_rows::due(trainer, trainer.training() ? 0 : evaluated_)) return;
  const at::Device device = trainer.strategy().root_device();
  const bool cpu = device.is_cpu();
  if (cpu && options_.cpu_stats == false) return;
  DeviceStats stats = cpu ? cpu_stats() : stats_of(device);
  if (!cpu && options_.cpu_stats == true)
    for (auto& one : cpu_stats()) stats.push_back(std::move(one));
  std::vector<Metric> row;
  for (auto& [name, value] : stats) {
    name = class_name(*this) + "." + std::string(hook) + "/" + name;
    row.push_back({name, value});
  }
  own_rows::log(trainer, row);
}

void DeviceStatsMonitor::on_train_batch_start(Trainer& trainer, LightningModule&, const Batch&, std::int64_t) {
  log(trainer, "on_train_batch_start");
}
void DeviceStatsMonitor::on_train_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  log(trainer, "on_train_batch_end");
}
void DeviceStatsMonitor::on_validation_start(Trainer&, LightningModule&) { evaluated_ = 0; }
void DeviceStatsMonitor::on_validation_batch_start(Trainer& trainer, LightningModule&, const Batch&, std::int64_t) {
  ++evaluated_;
  log(trainer, "on_validation_batch_start");
}
void DeviceStatsMonitor::on_validation_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  log(trainer, "on_validation_batch_end");
}
void DeviceStatsMonitor::on_test_start(Trainer&, LightningModule&) { evaluated_ = 0; }
void DeviceStatsMonitor::on_test_batch_start(Trainer& trainer, LightningModule&, const Batch&, std::int64_t) {
  ++evaluated_;
  log(trainer, "on_test_batch_start");
}
void DeviceStatsMonitor::on_test_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  log(trainer, "on_test_batch_end");
}

}  // namespace levin
