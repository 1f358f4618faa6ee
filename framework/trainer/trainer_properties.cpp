// What the Trainer tells about itself, and what a module asks of it.
#include <algorithm>

#include "levin/framework/base/console.h"
#include "levin/framework/base/signal_flags.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {

MetricLog& Trainer::Link::metric_log() { return trainer_.impl_->run.metric_log; }
std::int64_t Trainer::Link::current_epoch() const { return trainer_.impl_->fit_loop.current_epoch(); }
std::int64_t Trainer::Link::global_step() const { return trainer_.impl_->fit_loop.global_step(trainer_.impl_->run); }
std::int64_t Trainer::Link::batches_that_stepped() const { return trainer_.impl_->fit_loop.batches_that_stepped; }
std::int64_t Trainer::Link::epochs_processed() const { return trainer_.impl_->fit_loop.epoch_progress.current.processed; }
int Trainer::Link::global_rank() const { return trainer_.impl_->run.strategy->global_rank(); }
int Trainer::Link::local_rank() const { return trainer_.impl_->run.strategy->local_rank(); }
bool Trainer::Link::barebones() const { return trainer_.options_.barebones; }
const std::vector<std::shared_ptr<optim::Optimizer>>& Trainer::Link::optimizers() const { return trainer_.impl_->run.optimizers; }
const std::vector<LRSchedulerConfig>& Trainer::Link::lr_scheduler_configs() const {
  return trainer_.impl_->run.lr_scheduler_configs;
}
const LightningOptimizers& Trainer::Link::lightning_optimizers() const { return trainer_.impl_->fit_loop.optimization.optimizers(); }
void Trainer::Link::backward(const at::Tensor& loss) {
  trainer_.impl_->fit_loop.optimization.backward(trainer_.impl_->run, loss);
}
at::Tensor Trainer::Link::all_gather(const at::Tensor& tensor, bool sync_grads) {
  return trainer_.impl_->run.strategy->all_gather(tensor, sync_grads);
}
void Trainer::Link::detach() {
  if (trainer_.impl_->run.module) trainer_.impl_->run.module = nullptr;
}

std::int64_t FitLoop::global_step(const Run& run) const {
  return run.module && !run.module->automatic_optimization ? optimization.manual_step_progress.total.completed
                                                           : optimization.optim_progress.step.total.completed;
}

std::int64_t Trainer::current_epoch() const { return impl_->fit_loop.current_epoch(); }
std::int64_t Trainer::global_step() const { return impl_->fit_loop.global_step(impl_->run); }
bool Trainer::should_stop() const { return impl_->run.should_stop; }
void Trainer::set_should_stop(bool stop) { impl_->run.should_stop = stop; }
bool Trainer::training() const { return impl_->run.stage == Stage::training; }
bool Trainer::validating() const { return impl_->run.stage == Stage::validating; }
bool Trainer::testing() const { return impl_->run.stage == Stage::testing; }
bool Trainer::predicting() const { return impl_->run.stage == Stage::predicting; }
bool Trainer::sanity_checking() const { return impl_->run.stage == Stage::sanity_checking; }
TrainerFn Trainer::fn() const { return impl_->run.fn; }
bool Trainer::is_last_batch() const { return impl_->fit_loop.batch_progress.is_last_batch; }
std::int64_t Trainer::num_training_batches() const { return impl_->fit_loop.max_batches(); }
std::vector<std::int64_t> Trainer::num_val_batches() const {
  // Not cut down to those of a sanity check that is going on.
  return impl_->run.fn == TrainerFn::validate ? impl_->validate_loop.all_batches() : impl_->fit_loop.val_loop.all_batches();
}
std::vector<std::int64_t> Trainer::num_sanity_val_batches() const {
  auto batches = impl_->fit_loop.val_loop.all_batches();
  for (auto& n : batches) n = std::min(n, impl_->run.options.num_sanity_val_steps);
  return batches;
}
std::vector<std::int64_t> Trainer::num_test_batches() const { return impl_->test_loop.all_batches(); }
std::int64_t Trainer::estimated_stepping_batches() { return impl_->fit_loop.estimated_stepping_batches(impl_->run); }
Loaders Trainer::train_dataloader() const { return impl_->fit_loop.train_loaders(); }
const Loaders& Trainer::val_dataloaders() const {
  const Run& run = impl_->run;
  return run.fn == TrainerFn::validate ? impl_->validate_loop.loaders() : impl_->fit_loop.val_loop.loaders();
}
const Loaders& Trainer::test_dataloaders() const { return impl_->test_loop.loaders(); }
const Loaders& Trainer::predict_dataloaders() const { return impl_->predict_loop.loaders(); }
std::vector<std::int64_t> Trainer::num_predict_batches() const { return impl_->predict_loop.max_batches(); }
bool Trainer::enable_validation() const { return impl_->run.enable_validation(); }
std::optional<std::int64_t> Trainer::max_epochs() const { return impl_->run.options.max_epochs; }
void Trainer::set_max_epochs(std::int64_t max_epochs) { impl_->run.options.max_epochs = max_epochs; }
std::int64_t Trainer::max_steps() const { return impl_->run.options.max_steps; }
void Trainer::set_accumulate_grad_batches(std::int64_t batches) { impl_->run.options.accumulate_grad_batches = batches; }
bool Trainer::fast_dev_run() const { return impl_->run.options.fast_dev_run > 0; }
bool Trainer::interrupted() const { return impl_->status == TrainerStatus::interrupted; }
bool Trainer::received_sigterm() const { return signals::terminated(); }
TrainerState Trainer::state() const {
  return {impl_->status, impl_->status == TrainerStatus::initializing ? std::nullopt : std::optional(impl_->run.fn), impl_->run.stage};
}
bool Trainer::evaluating() const { return sanity_checking() || validating() || testing(); }
std::int64_t Trainer::min_epochs() const { return impl_->run.options.min_epochs; }
std::optional<std::int64_t> Trainer::min_steps() const { return impl_->run.options.min_steps; }
std::int64_t Trainer::accumulate_grad_batches() const { return impl_->run.options.accumulate_grad_batches; }

const MetricMap& Trainer::callback_metrics() { return impl_->run.metric_log.callback_metrics(); }
const MetricMap& Trainer::logged_metrics() { return impl_->run.metric_log.logged_metrics(); }
const MetricMap& Trainer::progress_bar_metrics() { return impl_->run.metric_log.progress_bar_metrics(); }

const std::vector<std::shared_ptr<Callback>>& Trainer::callbacks() const { return impl_->run.callbacks; }
std::vector<Checkpoint*> Trainer::checkpoint_callbacks() const {
  std::vector<Checkpoint*> out;
  for (const auto& callback : impl_->run.callbacks)
    if (callback->is_checkpoint()) out.push_back(static_cast<Checkpoint*>(callback.get()));
  return out;
}
Checkpoint* Trainer::checkpoint_callback() const {
  const auto all = checkpoint_callbacks();
  return all.empty() ? nullptr : all.front();
}
const std::vector<std::shared_ptr<Logger>>& Trainer::loggers() const { return impl_->run.metric_log.loggers; }
Logger* Trainer::logger() const { return impl_->run.metric_log.first_logger(); }
Callback* Trainer::early_stopping_callback() const {
  const auto all = early_stopping_callbacks();
  return all.empty() ? nullptr : all.front();
}
std::vector<Callback*> Trainer::early_stopping_callbacks() const {
  std::vector<Callback*> out;
  for (const auto& callback : impl_->run.callbacks)
    if (callback->is_early_stopping()) out.push_back(callback.get());
  return out;
}
Callback* Trainer::progress_bar_callback() const {
  for (const auto& callback : impl_->run.callbacks)
    if (callback->is_progress_bar()) return callback.get();
  return nullptr;
}
void Trainer::print(std::string_view text) const {
  if (is_global_zero()) print_line(text);
}
std::string Trainer::accelerator() const { return impl_->run.accelerator->name(); }
Precision& Trainer::precision_plugin() const { return *impl_->run.precision; }
std::string Trainer::precision() const { return impl_->run.precision->name(); }
GradScaler* Trainer::scaler() const { return impl_->run.precision->scaler(); }
std::shared_ptr<void> Trainer::init_module() const { return impl_->run.precision->tensor_init_context(); }
std::optional<DistributedSamplerKwargs> Trainer::distributed_sampler_kwargs() const {
  if (world_size() == 1) return std::nullopt;
  return DistributedSamplerKwargs{.num_replicas = world_size(), .rank = global_rank()};
}
Profiler* Trainer::profiler() const { return impl_->run.profiler.get(); }
LightningDataModule* Trainer::datamodule() const { return impl_->run.datamodule; }
int Trainer::local_rank() const { return impl_->run.strategy->local_rank(); }
int Trainer::node_rank() const { return impl_->run.strategy->node_rank(); }
int Trainer::world_size() const { return impl_->run.strategy->world_size(); }
std::vector<std::int64_t> Trainer::device_ids() const {
  const Strategy& strategy = *impl_->run.strategy;
  std::vector<std::int64_t> out;
  if (strategy.root_device().is_cpu()) {
    for (int rank = 0; rank < strategy.local_world_size(); ++rank) out.push_back(rank);
  } else {
    for (const at::Device device : strategy.parallel_devices()) out.push_back(device.has_index() ? device.index() : 0);
  }
  return out;
}
Strategy& Trainer::strategy() const { return *impl_->run.strategy; }
LightningModule* Trainer::lightning_module() const { return impl_->run.module; }
const std::vector<std::shared_ptr<optim::Optimizer>>& Trainer::optimizers() const { return impl_->run.optimizers; }
const std::vector<LRSchedulerConfig>& Trainer::lr_scheduler_configs() const { return impl_->run.lr_scheduler_configs; }
std::string Trainer::log_dir() const {
  if (!impl_->shared_log_dir.empty()) return impl_->shared_log_dir;
  const Logger* first = logger();
  return first ? first->log_dir().value_or(default_root_dir_) : default_root_dir_;
}
int Trainer::global_rank() const { return impl_->run.strategy->global_rank(); }
const LoopOptions& Trainer::loop_options() const { return impl_->run.options; }
FitLoop& Trainer::fit_loop() { return impl_->fit_loop; }
Run& Trainer::run() { return impl_->run; }
void Trainer::keep(std::shared_ptr<LightningModule> module) { impl_->kept_module = std::move(module); }

}  // namespace levin
