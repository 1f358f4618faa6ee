#include "levin/framework/module/lightning_module.h"

#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/results/metric_log.h"

namespace levin {
namespace {

void warn_of_no_trainer() {
  rank_zero_warn(
      "You are trying to `self.log()` but the `self.trainer` reference is not registered on the model yet. This is "
      "most likely because the model hasn't been passed to the `Trainer`");
}

}  // namespace

TrainerLink::~TrainerLink() = default;

LightningModule::LightningModule() = default;
LightningModule::~LightningModule() {
  if (link_) link_->detach();
}

namespace {
[[noreturn]] void step_missing(const char* step) {
  throw MisconfigurationException(std::string("No `") + step +
                                  "()` method defined. Override `levin::StepOutput " + step +
                                  "(const levin::Batch&, int64_t)` in your LightningModule.");
}
}  // namespace

StepOutput LightningModule::training_step(const Batch&, std::int64_t) {
  throw MisconfigurationException(
      "No `training_step()` method defined. Lightning `Trainer` expects as minimum a `training_step()`, "
      "`train_dataloader()` and `configure_optimizers()` to be defined.");
}
StepOutput LightningModule::validation_step(const Batch&, std::int64_t) { step_missing("validation_step"); }
StepOutput LightningModule::test_step(const Batch&, std::int64_t) { step_missing("test_step"); }
StepOutput LightningModule::predict_step(const Batch&, std::int64_t) { step_missing("predict_step"); }

OptimizerConfig LightningModule::configure_optimizers() {
  throw MisconfigurationException(
      "No `configure_optimizers()` method defined. Lightning `Trainer` expects as minimum a `training_step()`, "
      "`train_dataloader()` and `configure_optimizers()` to be defined.");
}

void LightningModule::set_optimizer_source(std::function<OptimizerConfig(LightningModule&)> source) {
  if (overrides_.configure_optimizers && source)
    rank_zero_warn("`" + class_name(*this) + ".configure_optimizers` will be overridden by the configuration's `optimizer`.");
  optimizer_source_ = std::move(source);
  if (optimizer_source_) overrides_.configure_optimizers = true;
}

Batch LightningModule::transfer_batch_to_device(Batch batch, at::Device device, std::int64_t) {
  bool elsewhere = false;
  batch.for_each([&](const at::Tensor& tensor) { elsewhere = elsewhere || tensor.device() != device; });
  if (!elsewhere) return batch;
  if (!device.is_cuda()) return batch.map([device](const at::Tensor& tensor) { return tensor.to(device, /*non_blocking=*/true); });
  std::vector<at::Tensor> tensors;
  batch.for_each([&](const at::Tensor& tensor) { tensors.push_back(tensor); });
  tensors = cuda_backend().to_device(tensors, device);
  std::size_t next = 0;
  return batch.map([&](const at::Tensor&) { return tensors[next++]; });
}

void LightningModule::backward(const at::Tensor& loss) { loss.backward(); }

void LightningModule::optimizer_step(std::int64_t, std::int64_t, LightningOptimizer& optimizer, const Closure& closure) {
  optimizer.step(closure);
}

void LightningModule::optimizer_zero_grad(std::int64_t, std::int64_t, optim::Optimizer& optimizer) {
  optimizer.zero_grad();
}

void LightningModule::configure_gradient_clipping(optim::Optimizer& optimizer, std::optional<double> value,
                                                  const std::optional<std::string>& algorithm) {
  clip_gradients(optimizer, value, algorithm);
}

void LightningModule::lr_scheduler_step(optim::LRScheduler& scheduler, std::optional<double> metric) {
  if (metric) scheduler.step(*metric);
  else scheduler.step();
}

void LightningModule::manual_backward(const at::Tensor& loss) {
  if (automatic_optimization) {
    throw MisconfigurationException(
        "to use manual_backward, please disable automatic optimization: set model property `automatic_optimization` as "
        "False");
  }
  trainer();  // throws when there is none
  link_->backward(loss);
}

const LightningOptimizers& LightningModule::optimizers() {
  trainer();
  return link_->lightning_optimizers();
}

std::vector<optim::LRScheduler*> LightningModule::lr_schedulers() {
  trainer();
  std::vector<optim::LRScheduler*> out;
  for (const LRSchedulerConfig& config : link_->lr_scheduler_configs()) out.push_back(config.scheduler.get());
  return out;
}

void LightningModule::log(std::string_view name, const at::Tensor& value, const LogOptions& options) {
  if (!link_) return warn_of_no_trainer();
  link_->metric_log().log(name, value, options);
}

void LightningModule::log(std::string_view name, double value, const LogOptions& options) {
  if (!link_) return warn_of_no_trainer();
  link_->metric_log().log(name, value, options);
}

void LightningModule::log_dict(const std::vector<std::pair<std::string, at::Tensor>>& metrics, const LogOptions& options) {
  for (const auto& [name, value] : metrics) log(name, value, options);
}

Logger* LightningModule::logger() { return link_ ? link_->metric_log().first_logger() : nullptr; }

std::vector<std::shared_ptr<Logger>> LightningModule::loggers() {
  return link_ ? link_->metric_log().loggers : std::vector<std::shared_ptr<Logger>>();
}

void LightningModule::print(std::string_view text) {
  if (global_rank() == 0) print_line(text);
}

void LightningModule::save_hyperparameters(const Value& dict, bool logger) {
  for (const auto& [key, value] : dict.as_dict()) {
    hparams_.as_dict().set(key, value.clone());
    hparams_initial_.as_dict().set(key, value.clone());
  }
  log_hyperparameters_ = logger;
}

void LightningModule::freeze() {
  for (auto& parameter : parameters()) parameter.set_requires_grad(false);
  eval();
}

void LightningModule::unfreeze() {
  for (auto& parameter : parameters()) parameter.set_requires_grad(true);
  train();
}

Trainer& LightningModule::trainer() const {
  if (!link_) throw RuntimeError(class_name(*this) + " is not attached to a `Trainer`.");
  return link_->trainer();
}

at::Tensor LightningModule::all_gather(const at::Tensor& tensor, bool sync_grads) {
  trainer();
  return link_->all_gather(tensor, sync_grads);
}

at::Device LightningModule::device() const {
  for (const auto& parameter : parameters()) return parameter.device();
  for (const auto& buffer : buffers()) return buffer.device();
  return at::kCPU;
}

at::ScalarType LightningModule::dtype() const {
  for (const auto& parameter : parameters()) return parameter.scalar_type();
  return at::kFloat;
}

void LightningModule::attach(TrainerLink* link) {
  if (link_ && link && link_ != link) link_->detach();
  link_ = link;
}

}  // namespace levin
