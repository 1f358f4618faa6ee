#include "levin/framework/models/split_data_module.h"

#include "levin/framework/base/errors.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/subset.h"

namespace levin {

SplitDataModule::SplitDataModule(std::string name, SplitOptions options) : name_(std::move(name)), options_(options) {
  const double rest = 1.0 - options.val_fraction - options.test_fraction;
  if (options.val_fraction < 0 || options.test_fraction < 0 || rest <= 0)
    refuse("val_fraction and test_fraction must be at least 0 and leave samples to train on");
  if (options.batch_size < 1) refuse("batch_size must be at least 1, got " + std::to_string(options.batch_size));
  if (options.num_workers < 0) refuse("num_workers must be at least 0, got " + std::to_string(options.num_workers));
}

void SplitDataModule::refuse(const std::string& what) const { throw ValueError(name_ + ": " + what); }

void SplitDataModule::setup(std::string_view) {
  if (parts_.all) return;
  parts_ = make_datasets();
  if (parts_.train) return;
  const std::vector<double> fractions{1.0 - options_.val_fraction - options_.test_fraction, options_.val_fraction, options_.test_fraction};
  const auto split = random_split(parts_.all, fractions, static_cast<std::uint64_t>(options_.split_seed));
  parts_.train = std::make_shared<Subset>(parts_.all_for_training ? parts_.all_for_training : parts_.all, split[0].indices());
  parts_.val = std::make_shared<Subset>(split[1]);
  parts_.test = options_.test_fraction > 0 ? std::make_shared<Subset>(split[2]) : parts_.val;
}

Loaders SplitDataModule::loader(std::shared_ptr<const Dataset> dataset, bool shuffle) const {
  if (!dataset || dataset->size() == 0) return {};
  return DataLoader(std::move(dataset), {.batch_size = options_.batch_size, .shuffle = shuffle, .num_workers = options_.num_workers});
}

Loaders SplitDataModule::train_dataloader() { return loader(parts_.train, true); }
Loaders SplitDataModule::val_dataloader() { return loader(parts_.val, false); }
Loaders SplitDataModule::test_dataloader() { return loader(parts_.test, false); }
Loaders SplitDataModule::predict_dataloader() { return loader(parts_.all, false); }

}  // namespace levin
