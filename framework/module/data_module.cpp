#include "levin/framework/module/data_module.h"

#include <c10/core/Device.h>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {
[[noreturn]] void not_implemented(const char* loader) {
  throw MisconfigurationException(std::string("`") + loader + "` must be implemented to be used with the Lightning Trainer");
}
}  // namespace

LightningDataModule::~LightningDataModule() = default;
Loaders LightningDataModule::train_dataloader() { not_implemented("train_dataloader"); }
Loaders LightningDataModule::test_dataloader() { not_implemented("test_dataloader"); }
Loaders LightningDataModule::predict_dataloader() { not_implemented("predict_dataloader"); }
Batch LightningDataModule::on_before_batch_transfer(Batch batch, std::int64_t) {
  default_transfer_ = true;
  return batch;
}
Batch LightningDataModule::transfer_batch_to_device(Batch batch, c10::Device, std::int64_t) {
  default_transfer_ = true;
  return batch;
}
Batch LightningDataModule::on_after_batch_transfer(Batch batch, std::int64_t) {
  default_transfer_ = true;
  return batch;
}
void LightningDataModule::save_hyperparameters(const Value& dict) {
  for (const auto& [key, value] : dict.as_dict()) hparams_.as_dict().set(key, value.clone());
}
std::string LightningDataModule::state_key() const { return class_name(*this); }

}  // namespace levin
