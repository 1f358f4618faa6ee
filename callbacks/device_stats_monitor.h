#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/fields.h"
#include "levin/framework/base/process_stats.h"
#include "levin/framework/callback.h"

namespace levin {

/// Names and numbers of one device, now.
using DeviceStats = std::vector<std::pair<std::string, double>>;
/// Says how a kind of device is asked for its numbers: whoever brings the device registers it (`levin_cuda` for CUDA).
using DeviceStatsFn = std::function<DeviceStats(at::Device)>;
LEVIN_API void register_device_stats(at::DeviceType type, DeviceStatsFn fn);

struct DeviceStatsMonitorOptions {
  /// Unset: the CPU's numbers if the CPU is what trains; true: always; false: never.
  std::optional<bool> cpu_stats = std::nullopt;
};
template <class V>
void fields(V&& f, DeviceStatsMonitorOptions& o) {
  f("cpu_stats", o.cpu_stats, "log the CPU's numbers; null: only if the CPU is what trains");
}

/// Logs what the device is doing at each batch's begin and end, in training, validation and test, as
/// `DeviceStatsMonitor.on_train_batch_start/cpu_percent`, when `log_every_n_steps` says so.
///
/// For the CPU, in percent and as psutil has them: `cpu_vm_percent` (memory in use), `cpu_percent` (since the last time), `cpu_swap_percent`.
/// For CUDA: torch's `memory_stats`. MisconfigurationException without a logger.
class LEVIN_API DeviceStatsMonitor : public Callback {
 public:
  using Options = DeviceStatsMonitorOptions;
  explicit DeviceStatsMonitor(Options options = {});

  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;
  void on_train_batch_start(Trainer& trainer, LightningModule& module, const Batch& batch, std::int64_t batch_idx) override;
  void on_train_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;
  void on_validation_start(Trainer& trainer, LightningModule& module) override;
  void on_validation_batch_start(Trainer& trainer, LightningModule& module, const Batch& batch, std::int64_t batch_idx) override;
  void on_validation_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;
  void on_test_start(Trainer& trainer, LightningModule& module) override;
  void on_test_batch_start(Trainer& trainer, LightningModule& module, const Batch& batch, std::int64_t batch_idx) override;
  void on_test_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;

 private:
  void log(Trainer& trainer, std::string_view hook);
  DeviceStats cpu_stats();

  Options options_;
  CpuPercent cpu_percent_;
  std::int64_t evaluated_ = 0;  ///< batches of the evaluation that is going on
};

}  // namespace levin
