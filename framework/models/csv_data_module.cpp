#include "levin/framework/models/csv_data_module.h"

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/data/csv_dataset.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/subset.h"

namespace levin {

CsvDataModule::CsvDataModule(Options options) : options_(std::move(options)) {
  if (options_.path.empty()) throw ValueError("CsvDataModule: path is missing; it names the CSV file");
  const double rest = 1.0 - options_.val_fraction - options_.test_fraction;
  if (options_.val_fraction < 0 || options_.test_fraction < 0 || rest <= 0)
    throw ValueError("CsvDataModule: val_fraction and test_fraction must be at least 0 and leave rows to train on");
  hparams() = write_fields(options_);
}

void CsvDataModule::setup(std::string_view) {
  if (all_) return;
  all_ = std::make_shared<CsvDataset>(options_.path, CsvOptions{.features = options_.features,
                                                                .target = options_.target,
                                                                .target_dtype = options_.target_dtype,
                                                                .scale = options_.scale,
                                                                .delimiter = options_.delimiter});
  const std::vector<double> fractions{1.0 - options_.val_fraction - options_.test_fraction, options_.val_fraction, options_.test_fraction};
  const auto parts = random_split(all_, fractions, static_cast<std::uint64_t>(options_.split_seed));
  train_ = std::make_shared<Subset>(parts[0]);
  val_ = std::make_shared<Subset>(parts[1]);
  test_ = options_.test_fraction > 0 ? std::make_shared<Subset>(parts[2]) : std::make_shared<Subset>(parts[1]);
}

Loaders CsvDataModule::loader(std::shared_ptr<const Dataset> dataset, bool shuffle) const {
  return DataLoader(std::move(dataset),
                    {.batch_size = options_.batch_size, .shuffle = shuffle, .num_workers = options_.num_workers});
}

Loaders CsvDataModule::train_dataloader() { return loader(train_, true); }
Loaders CsvDataModule::val_dataloader() { return loader(val_, false); }
Loaders CsvDataModule::test_dataloader() { return loader(test_, false); }
Loaders CsvDataModule::predict_dataloader() { return loader(all_, false); }

}  // namespace levin
