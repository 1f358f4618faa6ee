#include "levin/callbacks/throughput_monitor.h"

#include <c10/core/InferenceMode.h>

#include <map>
#include <mutex>

#include "levin/callbacks/own_rows.h"
#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

enum : std::size_t { train = 0, validate = 1, test = 2, predict = 3 };
constexpr const char* names[] = {"train", "validate", "test", "predict"};

std::size_t stage_of(const Trainer& trainer) {
  return trainer.validating() ? validate : trainer.testing() ? test : trainer.predicting() ? predict : train;
}

std::mutex mutex;
std::map<at::DeviceType, AvailableFlopsFn>& registered() {
  static std::map<at::DeviceType, AvailableFlopsFn> all;
  return all;
}

}  // namespace

void register_available_flops(at::DeviceType type, AvailableFlopsFn fn) {
  const std::lock_guard lock(mutex);
  registered()[type] = std::move(fn);
}

ThroughputMonitor::ThroughputMonitor(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {
  if (!options_.batch_size_fn) options_.batch_size_fn = [](const Batch& batch) { return batch.batch_size(); };
  Throughput({.window_size = options_.window_size});  // throws for a window that makes no sense
}

void ThroughputMonitor::setup(Trainer& trainer, LightningModule&, std::string_view stage) {
  const at::Device device = trainer.strategy().root_device();
  available_flops_ = options_.available_flops;
  if (const std::lock_guard lock(mutex); !available_flops_ && registered().contains(device.type()))
    available_flops_ = registered().at(device.type())(device, trainer.precision());
  const ThroughputOptions options{available_flops_, trainer.world_size(), options_.window_size, options_.separator};
  if (stage == "fit" && trainer.enable_validation()) counters_[validate].throughput.emplace(options);
  counter(trainer).throughput.emplace(options);
}

ThroughputMonitor::Counter& ThroughputMonitor::counter(const Trainer& trainer) { return counters_[stage_of(trainer)]; }

void ThroughputMonitor::start(Trainer& trainer) {
  if (!trainer.is_global_zero()) return;
  Counter& c = counter(trainer);
  c.of_this_run = 0;
  if (trainer.fn() == TrainerFn::fit || !c.started) {
    c.throughput->reset();
    c.lengths = c.samples = c.batches = 0;
    c.started = true;
  }
  c.t0 = clock_.now();
}

void ThroughputMonitor::update(Trainer& trainer, const LightningModule& module, const Batch& batch) {
  const c10::InferenceMode no_gradients(true);
  Counter& c = counter(trainer);
  // Else the clock would tell how fast kernels are given to the device.
  if (const at::Device device = trainer.strategy().root_device(); device.is_cuda()) cuda_backend().synchronize(device);
  const double elapsed = clock_.now() - c.t0;
  if (!options_.flops_per_batch) {
    warn_once("When using the `ThroughputMonitor`, you need to define a `flops_per_batch`, its option, for " + class_name(module) +
              " to compute the FLOPs; `levin::measure_flops` counts them.");
  }
  if (options_.length_fn) c.lengths += options_.length_fn(batch);
  c.samples += options_.batch_size_fn(batch);
  ++c.batches;
  ++c.of_this_run;
  ++c.of_all_runs;
  c.throughput->update({.time = elapsed,
                        .batches = c.batches,
                        .samples = c.samples,
                        .lengths = options_.length_fn ? std::optional(c.lengths) : std::nullopt,
                        .flops = options_.flops_per_batch});
}

void ThroughputMonitor::log(Trainer& trainer) {
  const bool training = stage_of(trainer) == train;
  Counter& c = counter(trainer);
  if (!own_rows::due(trainer, training ? 0 : c.of_this_run)) return;
  const auto rates = c.throughput->compute();
  std::vector<std::string> keys;
  for (const auto& rate : rates) keys.push_back(names[stage_of(trainer)] + options_.separator + rate.name);
  std::vector<Metric> row;
  for (std::size_t i = 0; i < rates.size(); ++i) row.push_back({keys[i], rates[i].value, rates[i].integer});
  // As in Lightning: within fit the validation's batches are counted anew in every epoch.
  const std::int64_t evaluated = trainer.fn() == TrainerFn::fit ? trainer.fit_loop().val_loop.batch_progress.total.ready : c.of_all_runs;
  own_rows::log_metrics(trainer, std::move(row), training ? std::nullopt : std::optional(evaluated));
}

void ThroughputMonitor::on_train_start(Trainer& trainer, LightningModule&) { start(trainer); }

void ThroughputMonitor::on_train_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch& batch, std::int64_t) {
  if (!trainer.is_global_zero()) return;
  update(trainer, module, batch);
  // Only when the optimizer's step is in the time.
  if (!trainer.fit_loop().should_accumulate(trainer.run())) log(trainer);
}

void ThroughputMonitor::on_validation_start(Trainer& trainer, LightningModule&) {
  if (!trainer.sanity_checking()) start(trainer);
}

void ThroughputMonitor::on_validation_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch& batch, std::int64_t) {
  if (trainer.sanity_checking() || !trainer.is_global_zero()) return;
  update(trainer, module, batch);
  log(trainer);
}

// Training's clock stands still from its last batch to the validation's.
void ThroughputMonitor::on_validation_end(Trainer& trainer, LightningModule&) {
  if (trainer.sanity_checking() || trainer.fn() != TrainerFn::fit || !trainer.is_global_zero()) return;
  Counter& training = counters_[train];
  const Counter& validation = counters_[validate];
  // A run that goes on at a validation's end has not begun it.
  if (validation.t0 < training.t0) return;
  const double training_finished = training.t0 + training.throughput->time();
  training.t0 += validation.t0 - training_finished + validation.throughput->time();
}

void ThroughputMonitor::on_test_start(Trainer& trainer, LightningModule&) { start(trainer); }

void ThroughputMonitor::on_test_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch& batch, std::int64_t) {
  if (!trainer.is_global_zero()) return;
  update(trainer, module, batch);
  log(trainer);
}

void ThroughputMonitor::on_predict_start(Trainer& trainer, LightningModule&) { start(trainer); }

void ThroughputMonitor::on_predict_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch& batch, std::int64_t) {
  if (!trainer.is_global_zero()) return;
  update(trainer, module, batch);
  log(trainer);
}

}  // namespace levin
