#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/throughput.h"
#include "levin/framework/callback.h"

namespace levin {

/// The FLOP/s that a device reaches at best with numbers of this precision ("32-true"), if known. Whoever brings the kind of device
/// registers it (`levin_cuda` for CUDA).
using AvailableFlopsFn = std::function<std::optional<double>(at::Device device, std::string_view precision)>;
LEVIN_API void register_available_flops(at::DeviceType type, AvailableFlopsFn fn);

/// In Lightning's order; then what Lightning hands on to Throughput, and what is ours to give.
struct ThroughputMonitorOptions {
  std::function<std::int64_t(const Batch&)> batch_size_fn = {};
  std::function<std::int64_t(const Batch&)> length_fn = {};
  std::int64_t window_size = 100;
  std::string separator = "/";
  std::optional<double> available_flops = std::nullopt;
  std::optional<std::int64_t> flops_per_batch = std::nullopt;
};
template <class V>
void fields(V&& f, ThroughputMonitorOptions& o) {
  f("batch_size_fn", o.batch_size_fn, "samples in a batch; null: rows of its first tensor");
  f("length_fn", o.length_fn, "items (tokens, say) in a batch; null: not counted");
  f("window_size", o.window_size, "batches over which rates are taken, at least 2");
  f("separator", o.separator, "between the parts of the logged names");
  f("available_flops", o.available_flops, "peak FLOP/s of one device, for `mfu`; null: what is known of the device");
  f("flops_per_batch", o.flops_per_batch, "what one batch costs, forward and backward; null: no FLOP/s");
}

/// Logs how fast the run is: `train/device/samples_per_sec`, `train/device/batches_per_sec`, ...; see Throughput for the keys, which come
/// after `train/`, `validate/`, `test/` or `predict/`. When `log_every_n_steps` says so, on rank 0; validation within fit does not count
/// as training's time.
///
/// With `flops_per_batch` (Lightning's is an attribute of the module; `levin::measure_flops` counts them) also FLOP/s and, for a device whose peak is known, `mfu`: the share of it
/// that is used.
class LEVIN_API ThroughputMonitor : public Callback {
 public:
  using Options = ThroughputMonitorOptions;
  /// ValueError for a window below 2.
  explicit ThroughputMonitor(Options options = {}, const Clock& clock = real_clock());
  /// The peak that `mfu` is a share of; known from `setup` on.
  std::optional<double> available_flops() const { return available_flops_; }

  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;
  void on_train_start(Trainer& trainer, LightningModule& module) override;
  void on_train_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;
  void on_validation_start(Trainer& trainer, LightningModule& module) override;
  void on_validation_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;
  void on_validation_end(Trainer& trainer, LightningModule& module) override;
  void on_test_start(Trainer& trainer, LightningModule& module) override;
  void on_test_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;
  void on_predict_start(Trainer& trainer, LightningModule& module) override;
  void on_predict_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;

 private:
  struct Counter {
    std::optional<Throughput> throughput;
    bool started = false;
    double t0 = 0;
    std::int64_t lengths = 0, samples = 0, batches = 0;  // since the start that reset them
    std::int64_t of_this_run = 0, of_all_runs = 0;
  };
  Counter& counter(const Trainer& trainer);
  void start(Trainer& trainer);
  void update(Trainer& trainer, const LightningModule& module, const Batch& batch);
  void log(Trainer& trainer);

  Options options_;
  const Clock& clock_;
  std::optional<double> available_flops_;
  std::array<Counter, 4> counters_;  // train, validate, test, predict
};

}  // namespace levin
