#include "levin/framework/module/data_module.h"

#include <c10/core/Device.h>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/data/data_loader.h"

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
void LightningDataModule::save_hyperparameters(const Value& dict, bool logger) {
  for (const auto& [key, value] : dict.as_dict()) {
    hparams_.as_dict().set(key, value.clone());
    hparams_initial_.as_dict().set(key, value.clone());
  }
  log_hyperparameters_ = logger;
}
std::string LightningDataModule::state_key() const { return class_name(*this); }

namespace {

// What `from_datasets` makes; without datasets of a kind it is the base class.
class OfDatasets final : public LightningDataModule {
 public:
  explicit OfDatasets(DatasetArguments arguments) : arguments_(std::move(arguments)) {}
  Loaders train_dataloader() override {
    const Datasets& given = arguments_.train_dataset;
    return given.empty() ? LightningDataModule::train_dataloader() : loaders(given, /*shuffle=*/true);
  }
  Loaders val_dataloader() override { return loaders(arguments_.val_dataset); }
  Loaders test_dataloader() override {
    const Datasets& given = arguments_.test_dataset;
    return given.empty() ? LightningDataModule::test_dataloader() : loaders(given);
  }
  Loaders predict_dataloader() override {
    const Datasets& given = arguments_.predict_dataset;
    return given.empty() ? LightningDataModule::predict_dataloader() : loaders(given);
  }

 private:
  Loaders loaders(const Datasets& datasets, bool shuffle = false) const {
    std::vector<std::shared_ptr<Loader>> out;
    for (const AnyDataset& dataset : datasets) out.push_back(dataset.loader(arguments_.batch_size, shuffle, arguments_.num_workers));
    return out;
  }
  DatasetArguments arguments_;
};

std::string size_text(const Loader& loader) {
  const auto* ours = dynamic_cast<const DataLoader*>(&loader);
  return ours && ours->dataset() ? std::to_string(ours->dataset()->size()) : "NA";
}

}  // namespace

std::shared_ptr<LightningDataModule> LightningDataModule::from_datasets(DatasetArguments arguments) {
  return std::make_shared<OfDatasets>(std::move(arguments));
}

std::string LightningDataModule::str() {
  const auto line = [](const char* kind, const auto& get) {
    std::string text;
    try {
      const Loaders loaders = get();
      for (std::size_t i = 0; i < loaders.size(); ++i) {
        if (loaders.size() > 1) text += (i > 0 ? " ; " : "") + std::to_string(i + 1) + ". ";
        text += "size=" + size_text(*loaders[i]);
      }
    } catch (const std::exception&) {  // as in Lightning: not there yet, or nothing to load
      text.clear();
    }
    return std::string("{") + kind + ": " + (text.empty() ? "None" : text) + "}";
  };
  return line("Train dataloader", [this] { return train_dataloader(); }) + "\n" +
         line("Validation dataloader", [this] { return val_dataloader(); }) + "\n" +
         line("Test dataloader", [this] { return test_dataloader(); }) + "\n" +
         line("Predict dataloader", [this] { return predict_dataloader(); });
}

}  // namespace levin
