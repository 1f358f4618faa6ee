#include "levin/framework/data/image_folder.h"

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <filesystem>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/image/image.h"

namespace levin {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> images_below(const fs::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink))
    if (entry.is_regular_file() && has_image_name(entry.path().string())) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

void check(const std::vector<double>& values, std::int64_t channels, const char* name) {
  if (!values.empty() && static_cast<std::int64_t>(values.size()) != channels)
    throw ValueError(std::string("ImageFolder: ") + name + " has " + std::to_string(values.size()) + " values, there are " + std::to_string(channels) + " channels");
}

at::Tensor per_channel(const std::vector<double>& values) { return at::tensor(values).to(at::kFloat).view({-1, 1, 1}); }

}  // namespace

ImageFolder::ImageFolder(const std::string& root, Options options) : options_(std::move(options)) {
  if (options_.size < 1) throw ValueError("ImageFolder: size must be at least 1, got " + std::to_string(options_.size));
  if (options_.channels != 1 && options_.channels != 3) throw ValueError("ImageFolder: channels can be 1 or 3, got " + std::to_string(options_.channels));
  check(options_.mean, options_.channels, "mean");
  check(options_.std, options_.channels, "std");
  if (!fs::is_directory(root)) throw FileNotFoundError(root + ": no such folder of images");
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.is_directory()) classes_.push_back(entry.path().filename().string());
  std::sort(classes_.begin(), classes_.end());
  if (classes_.empty()) throw FileNotFoundError("Couldn't find any class folder in " + root + ".");
  std::string empty;
  for (std::size_t label = 0; label < classes_.size(); ++label) {
    const auto paths = images_below(fs::path(root) / classes_[label]);
    if (paths.empty()) empty += (empty.empty() ? "" : ", ") + classes_[label];
    for (const std::string& path : paths) samples_.emplace_back(path, static_cast<std::int64_t>(label));
  }
  if (!empty.empty()) throw FileNotFoundError("Found no valid file for the classes " + empty + " in " + root + ". Supported extensions are: .png, .jpg, .jpeg");
}

Batch ImageFolder::get(std::int64_t index, Generator& generator) const {
  check_index(index);
  const auto& [path, label] = samples_[static_cast<std::size_t>(index)];
  Image image = read_image(path, options_.channels);
  at::Tensor pixels = at::from_blob(image.pixels.data(), {image.height, image.width, image.channels}, at::kByte).permute({2, 0, 1}).to(at::kFloat).div_(255.0);
  if (image.height != options_.size || image.width != options_.size)
    pixels = at::_upsample_bilinear2d_aa(pixels.unsqueeze(0), {options_.size, options_.size}, /*align_corners=*/false).squeeze(0);
  if (options_.horizontal_flip && generator.below(2) == 1) pixels = pixels.flip({2});
  if (!options_.mean.empty()) pixels = pixels.sub(per_channel(options_.mean));
  if (!options_.std.empty()) pixels = pixels.div(per_channel(options_.std));
  return Batch::List{pixels.contiguous(), at::scalar_tensor(label, at::kLong)};
}

}  // namespace levin
