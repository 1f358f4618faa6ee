#include "levin/framework/models/csv_data_module.h"

#include "levin/framework/base/fields.h"
#include "levin/framework/data/csv_dataset.h"

namespace levin {

CsvDataModule::CsvDataModule(Options options) : SplitDataModule("CsvDataModule", split_options(options)), options_(std::move(options)) {
  if (options_.path.empty()) refuse("path is missing; it names the CSV file");
  hparams() = write_fields(options_);
}

SplitDataModule::Parts CsvDataModule::make_datasets() {
  return {.all = std::make_shared<CsvDataset>(options_.path, CsvOptions{.features = options_.features,
                                                                        .target = options_.target,
                                                                        .target_dtype = options_.target_dtype,
                                                                        .scale = options_.scale,
                                                                        .delimiter = options_.delimiter})};
}

}  // namespace levin
