#include <png.h>

#include "levin/framework/base/errors.h"
#include "levin/loggers/tensorboard/event_file.h"

namespace levin::tensorboard {

std::string encode_png(const Pixels& pixels) {
  const std::int64_t c = pixels.channels;
  if (pixels.height <= 0 || pixels.width <= 0) throw ValueError("an image needs at least one pixel");
  if (c != 1 && c != 3 && c != 4) throw ValueError("an image has 1, 3 or 4 channels, not " + std::to_string(c));
  if (pixels.bytes.size() != static_cast<std::size_t>(pixels.height * pixels.width * c))
    throw ValueError("an image of " + std::to_string(pixels.height) + " x " + std::to_string(pixels.width) + " x " + std::to_string(c) +
                     " has not " + std::to_string(pixels.bytes.size()) + " bytes");

  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(pixels.height);
  image.width = static_cast<png_uint_32>(pixels.width);
  image.format = c == 1 ? PNG_FORMAT_GRAY : c == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  png_alloc_size_t size = 0;
  std::string out;
  // Once to learn the size, once to write.
  for (int round = 0; round < 2; ++round) {
    out.resize(size);
    if (!png_image_write_to_memory(&image, round == 0 ? nullptr : out.data(), &size, 0, pixels.bytes.data(), 0, nullptr))
      throw ValueError(std::string("the image can't be written as PNG: ") + image.message);
  }
  out.resize(size);
  return out;
}

}  // namespace levin::tensorboard
