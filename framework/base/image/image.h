#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// A picture of 8 bits a channel, rows from the top, channels interleaved.
struct Image {
  std::int64_t width = 0, height = 0;
  std::int64_t channels = 3;  ///< 1: grey, 3: RGB
  std::vector<std::uint8_t> pixels;
};

/// Reads a PNG or JPEG file, by what is in it and not by its name. `channels` 1 or 3: what comes out; transparency is dropped, palettes
/// and 16 bits become 8 bits of grey or RGB. OSError if the file can't be read, ValueError with its name for another format or damage,
/// and for more than 2^28 pixels.
LEVIN_API Image read_image(const std::string& path, std::int64_t channels = 3);

/// Whether a file's name ends as an image's that `read_image` knows: .png, .jpg, .jpeg, in any case.
LEVIN_API bool has_image_name(const std::string& path);

}  // namespace levin
