#include "levin/framework/models/npy_data_module.h"

#include "levin/framework/base/fields.h"
#include "levin/framework/data/npy.h"
#include "levin/framework/data/tensor_dataset.h"

namespace levin {

NpyDataModule::NpyDataModule(Options options) : SplitDataModule("NpyDataModule", split_options(options)), options_(std::move(options)) {
  if (options_.features.empty()) refuse("features is missing; it names a file of numpy.save");
  hparams() = write_fields(options_);
}

SplitDataModule::Parts NpyDataModule::make_datasets() {
  std::vector<at::Tensor> tensors{load_npy(options_.features)};
  if (!options_.targets.empty()) tensors.push_back(load_npy(options_.targets));
  for (const at::Tensor& tensor : tensors)
    if (tensor.dim() == 0) refuse("a single number has no rows; save an array with one sample a row");
  if (tensors.size() == 2 && tensors[0].size(0) != tensors[1].size(0)) {
    refuse(options_.features + " has " + std::to_string(tensors[0].size(0)) + " rows, " + options_.targets + " has " +
           std::to_string(tensors[1].size(0)) + " rows; they must be as many");
  }
  return {.all = std::make_shared<TensorDataset>(std::move(tensors))};
}

}  // namespace levin
