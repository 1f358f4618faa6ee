#pragma once
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/data/dataset.h"

namespace levin {

/// As torchvision's ImageFolder: a folder per class with images in it, at any depth; classes are numbered in the order of their names.
/// A sample is [image, label]: float32 [channels, size, size] from 0 to 1, then normalised, and an int64.
class LEVIN_API ImageFolder : public Dataset {
 public:
  struct Options {
    std::int64_t size = 32;                ///< images are scaled to this height and width (bilinear, with antialiasing)
    std::int64_t channels = 3;             ///< 1: grey, 3: RGB
    std::vector<double> mean = {};         ///< one a channel; empty: 0
    std::vector<double> std = {};          ///< one a channel; empty: 1
    bool horizontal_flip = false;          ///< turn every second image, at random
  };

  /// FileNotFoundError with torchvision's words if there is no folder, none in it, or one without an image; ValueError for options
  /// that don't fit together.
  ImageFolder(const std::string& root, Options options);

  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  Batch get(std::int64_t index, Generator& generator) const override;
  const std::vector<std::string>& classes() const { return classes_; }
  /// Path and class of each image.
  const std::vector<std::pair<std::string, std::int64_t>>& samples() const { return samples_; }

 private:
  Options options_;
  std::vector<std::string> classes_;
  std::vector<std::pair<std::string, std::int64_t>> samples_;
};

}  // namespace levin
