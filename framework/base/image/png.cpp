#include <png.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/image/decoders.h"

namespace levin {

// libpng's simplified interface, which converts to 8 bits and drops transparency onto black by itself.
Image decode_png(std::string_view bytes, std::int64_t channels, const std::string& name) {
  struct Reader {
    png_image image{};
    ~Reader() { png_image_free(&image); }
  } reader;
  png_image& image = reader.image;
  image.version = PNG_IMAGE_VERSION;
  const auto fail = [&] { throw ValueError(name + ": " + image.message); };
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) fail();
  check_image_size(image.width, image.height, name);
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // as everybody writes them; libpng would take them for linear light
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  Image out{image.width, image.height, channels, {}};
  out.pixels.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  if (!png_image_finish_read(&image, &black, out.pixels.data(), 0, nullptr)) fail();
  return out;
}

}  // namespace levin
