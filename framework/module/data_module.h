#pragma once
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/value.h"
#include "levin/framework/data/loaders.h"
#include "levin/framework/module/batch.h"

namespace levin {

/// The data of a project in one class: where it comes from, how it is split, its loaders. Hooks run before the module's of the
/// same name. Its state goes into checkpoints under the class's name.
class LEVIN_API LightningDataModule {
 public:
  virtual ~LightningDataModule();

  /// Downloads, tokenizes, writes files: once per node, before `setup`.
  virtual void prepare_data() {}
  /// Builds datasets, on every rank; `stage` is "fit", "validate", "test" or "predict".
  virtual void setup(std::string_view stage) { (void)stage; }
  virtual void teardown(std::string_view stage) { (void)stage; }

  /// Without validation loaders fit does not validate; the others throw Lightning's MisconfigurationException unless overridden.
  virtual Loaders train_dataloader();
  virtual Loaders val_dataloader() { return {}; }
  virtual Loaders test_dataloader();
  virtual Loaders predict_dataloader();

  virtual Batch on_before_batch_transfer(Batch batch, std::int64_t dataloader_idx) { (void)dataloader_idx; return batch; }
  virtual Batch on_after_batch_transfer(Batch batch, std::int64_t dataloader_idx) { (void)dataloader_idx; return batch; }

  virtual void on_exception(const std::exception&) {}
  /// None or an empty dict writes nothing.
  virtual Value state_dict() const { return {}; }
  virtual void load_state_dict(const Value& state) { (void)state; }
  /// The key of its state: the class's name.
  std::string state_key() const;

  /// What the data module was made from; see LightningModule::save_hyperparameters.
  template <HasFields T>
  void save_hyperparameters(const T& options) { save_hyperparameters(write_fields(options)); }
  void save_hyperparameters(const Value& dict);
  Value& hparams() { return hparams_; }
  const Value& hparams() const { return hparams_; }

 private:
  Value hparams_ = Value::dict();
};

}  // namespace levin
