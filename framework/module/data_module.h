#pragma once
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "levin/framework/base/export.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/value.h"
#include "levin/framework/data/datasets.h"
#include "levin/framework/data/loaders.h"
#include "levin/framework/module/batch.h"

namespace c10 {
struct Device;
}

namespace levin {

struct DatasetArguments;

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

  /// Batches on their way to the device. Each that is overridden is called in place of the module's.
  virtual Batch on_before_batch_transfer(Batch batch, std::int64_t dataloader_idx);
  virtual Batch transfer_batch_to_device(Batch batch, c10::Device device, std::int64_t dataloader_idx);
  virtual Batch on_after_batch_transfer(Batch batch, std::int64_t dataloader_idx);

  virtual void on_exception(const std::exception&) {}
  /// None or an empty dict writes nothing.
  virtual Value state_dict() const { return {}; }
  virtual void load_state_dict(const Value& state) { (void)state; }
  /// The key of its state: the class's name.
  std::string state_key() const;

  /// What the data module was made from; see LightningModule::save_hyperparameters.
  template <HasFields T>
  void save_hyperparameters(const T& options, bool logger = true) { save_hyperparameters(write_fields(options), logger); }
  void save_hyperparameters(const Value& dict, bool logger = true);
  Value& hparams() { return hparams_; }
  const Value& hparams() const { return hparams_; }
  /// As they were when first saved: what loggers get, together with the module's.
  const Value& hparams_initial() const { return hparams_initial_; }
  bool log_hyperparameters() const { return log_hyperparameters_; }

  /// A data module of datasets: the training one is shuffled, unless it is a stream.
  ///
  ///     auto data = LightningDataModule::from_datasets({.train_dataset = digits, .batch_size = 32});
  static std::shared_ptr<LightningDataModule> from_datasets(DatasetArguments arguments);
  /// A line per kind of loader with its dataset's size: "{Train dataloader: size=64}"; "None" where there is none, "NA" without a size.
  std::string str();

  /// Whether the last transfer hook was the base's, which leaves the work to the module. Used by the Trainer.
  bool take_default_transfer() { return std::exchange(default_transfer_, false); }

 private:
  bool default_transfer_ = false;
  Value hparams_ = Value::dict(), hparams_initial_ = Value::dict();
  bool log_hyperparameters_ = false;
};

/// Of `LightningDataModule::from_datasets`, in Lightning's order. Several datasets of a kind give several loaders.
struct DatasetArguments {
  Datasets train_dataset = {}, val_dataset = {}, test_dataset = {}, predict_dataset = {};
  std::int64_t batch_size = 1;
  std::int64_t num_workers = 0;
};

}  // namespace levin
