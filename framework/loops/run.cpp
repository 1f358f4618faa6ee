#include "levin/framework/loops/run.h"

#include <cstdio>
#include <cstdlib>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/errors.h"

namespace levin {

const char* stage_name(TrainerFn fn) {
  constexpr const char* names[] = {"fit", "validate", "test", "predict"};
  return names[static_cast<std::size_t>(fn)];
}

Run::Run(Trainer& owner) : trainer(owner) {
  const char* trace = std::getenv("LEVIN_TRACE_HOOKS");
  trace_ = trace && *trace && std::string_view(trace) != "0";
}

bool Run::enable_validation() const {
  return module && module->overrides().validation_step && !is_zero(options.limit_val_batches) && has_val_loaders();
}

bool Run::validates_this_epoch() const {
  if (!enable_validation()) return false;
  if (!options.check_val_every_n_epoch) return true;
  if (*options.check_val_every_n_epoch == 0) throw ZeroDivisionError("integer modulo by zero");
  return (module->current_epoch() + 1) % *options.check_val_every_n_epoch == 0;
}

Batch Run::to_device(Batch batch, std::int64_t dataloader_idx) {
  batch = precision->convert_input(std::move(batch));
  const at::Device device = strategy->root_device();
  const auto of_datamodule = [&](Hook hook, auto method, auto... arguments) {
    if (!datamodule) return false;
    batch = call_datamodule(hook, [&](LightningDataModule& data) { return (data.*method)(std::move(batch), arguments...); });
    return !datamodule->take_default_transfer();
  };
  if (!of_datamodule(Hook::on_before_batch_transfer, &LightningDataModule::on_before_batch_transfer, dataloader_idx))
    batch = LEVIN_CALL_MODULE(*this, on_before_batch_transfer, std::move(batch), dataloader_idx);
  const ProfiledAction action = profile_strategy("batch_to_device");
  if (!of_datamodule(Hook::transfer_batch_to_device, &LightningDataModule::transfer_batch_to_device, device, dataloader_idx))
    batch = LEVIN_CALL_MODULE(*this, transfer_batch_to_device, std::move(batch), device, dataloader_idx);
  if (!of_datamodule(Hook::on_after_batch_transfer, &LightningDataModule::on_after_batch_transfer, dataloader_idx))
    batch = LEVIN_CALL_MODULE(*this, on_after_batch_transfer, std::move(batch), dataloader_idx);
  batch.set_dataloader_idx(dataloader_idx);
  return batch;
}

std::string Run::action_name(const Callback& callback, Hook hook) {
  return "[Callback]" + callback.state_key() + "." + hook_name(hook);
}

// Steps go through the strategy in Lightning, and are reported so.
std::string Run::action_name(const LightningModule& of, Hook hook) const {
  const bool step = hook == Hook::training_step || hook == Hook::validation_step || hook == Hook::test_step || hook == Hook::predict_step;
  return step ? strategy_action(hook_name(hook)) : "[LightningModule]" + class_name(of) + "." + hook_name(hook);
}

std::string Run::strategy_action(std::string_view what) const {
  const std::string name = typeid(*strategy) == typeid(Strategy) ? "SingleDeviceStrategy" : class_name(*strategy);
  return "[Strategy]" + name + "." + std::string(what);
}

std::string Run::action_name(const LightningDataModule& datamodule, Hook hook) {
  return "[LightningDataModule]" + class_name(datamodule) + "." + hook_name(hook);
}

void Run::trace(const char* who, Hook hook) const {
  const TrainerLink* link = module ? module->link() : nullptr;
  if (link) {
    std::fprintf(stderr, "%s.%s e%lld s%lld\n", who, hook_name(hook), static_cast<long long>(link->current_epoch()),
                 static_cast<long long>(link->global_step()));
  } else {
    std::fprintf(stderr, "%s.%s -\n", who, hook_name(hook));
  }
}

}  // namespace levin
