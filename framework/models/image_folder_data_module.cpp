#include "levin/framework/models/image_folder_data_module.h"

#include <filesystem>

#include "levin/framework/base/fields.h"
#include "levin/framework/data/image_folder.h"

namespace levin {

ImageFolderDataModule::ImageFolderDataModule(Options options)
    : SplitDataModule("ImageFolderDataModule", split_options(options)), options_(std::move(options)) {
  if (options_.root.empty()) refuse("root is missing; it names a folder with a folder per class");
  hparams() = write_fields(options_);
}

SplitDataModule::Parts ImageFolderDataModule::make_datasets() {
  ImageFolder::Options reading{.size = options_.size, .channels = options_.channels, .mean = options_.mean, .std = options_.std};
  const auto folder = [&](const std::string& path, bool flip) {
    reading.horizontal_flip = flip;
    return std::make_shared<ImageFolder>(path, reading);
  };
  const std::string train = options_.root + "/train", val = options_.root + "/val", test = options_.root + "/test";
  if (!std::filesystem::is_directory(train)) return {.all = folder(options_.root, false), .all_for_training = folder(options_.root, options_.horizontal_flip)};

  Parts parts;
  const auto training = folder(train, options_.horizontal_flip);
  parts.train = training;
  const auto evaluation = [&](const std::string& path) -> std::shared_ptr<const Dataset> {
    if (!std::filesystem::is_directory(path)) return nullptr;
    auto made = folder(path, false);
    if (made->classes() != training->classes()) refuse(path + " has other classes than " + train);
    return made;
  };
  parts.val = evaluation(val);
  parts.test = evaluation(test);
  if (!parts.test) parts.test = parts.val;
  parts.all = parts.test ? parts.test : parts.train;
  return parts;
}

}  // namespace levin
