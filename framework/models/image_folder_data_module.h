#pragma once
#include <string>
#include <vector>

#include "levin/framework/models/split_data_module.h"

namespace levin {

struct ImageFolderDataModuleOptions {
  std::string root;
  std::int64_t size = 32;
  std::int64_t channels = 3;
  std::vector<double> mean = {};
  std::vector<double> std = {};
  bool horizontal_flip = false;
  double val_fraction = 0.2;
  double test_fraction = 0.0;
  std::int64_t split_seed = 0;
  std::int64_t batch_size = 32;
  std::int64_t num_workers = 0;
};

template <class V>
void fields(V&& f, ImageFolderDataModuleOptions& o) {
  f("root", o.root, "a folder per class; or such folders below train, val and test");
  f("size", o.size, "images are scaled to this height and width");
  f("channels", o.channels, "1: grey, 3: RGB");
  f("mean", o.mean, "subtracted from each channel, which goes from 0 to 1; empty: nothing");
  f("std", o.std, "then each channel is divided by this; empty: not");
  f("horizontal_flip", o.horizontal_flip, "turn training images at random");
  split_fields(f, o);
}

/// Images in a folder per class, as torchvision's ImageFolder: PNG and JPEG. Where `root` has a folder `train`, that is trained on and
/// `val` and `test` are used if they are there (with the same classes); else the images are split at random. Batches are [images, labels].
class LEVIN_API ImageFolderDataModule : public SplitDataModule {
 public:
  using Options = ImageFolderDataModuleOptions;
  explicit ImageFolderDataModule(Options options = {});

 protected:
  Parts make_datasets() override;

 private:
  Options options_;
};

}  // namespace levin
