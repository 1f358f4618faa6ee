#include "levin/framework/data/datasets.h"

#include "levin/framework/data/data_loader.h"

namespace levin {

std::shared_ptr<Loader> AnyDataset::loader(std::int64_t batch_size, bool shuffle, std::int64_t num_workers) const {
  DataLoaderOptions options{.batch_size = batch_size, .shuffle = shuffle && !stream_, .num_workers = num_workers, .pin_memory = true};
  if (stream_) return std::make_shared<DataLoader>(stream_, std::move(options));
  return std::make_shared<DataLoader>(dataset_, std::move(options));
}

}  // namespace levin
