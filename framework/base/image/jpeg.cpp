#include <cstddef>
#include <cstdio>
// After cstdio, which it needs and does not include.
#include <jpeglib.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/image/decoders.h"

namespace levin {
namespace {

// libjpeg wants a function that doesn't return. Code for 64-bit machines has unwind tables, also that of C, so an exception passes.
[[noreturn]] void fail(j_common_ptr info) {
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  throw ValueError(*static_cast<const std::string*>(info->client_data) + ": " + text);
}

struct Decompressor {
  explicit Decompressor(const std::string& name) {
    info.err = jpeg_std_error(&errors);
    errors.error_exit = fail;
    errors.emit_message = [](j_common_ptr common, int level) {
      // Warnings of level -1 are damage: a picture that is cut short, say.
      if (level < 0) fail(common);
    };
    info.client_data = const_cast<std::string*>(&name);
    jpeg_create_decompress(&info);
  }
  ~Decompressor() { jpeg_destroy_decompress(&info); }
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
};

}  // namespace

Image decode_jpeg(std::string_view bytes, std::int64_t channels, const std::string& name) {
  Decompressor decompressor(name);
  jpeg_decompress_struct& info = decompressor.info;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  check_image_size(info.image_width, info.image_height, name);
  info.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&info);
  Image out{info.output_width, info.output_height, channels, {}};
  const std::size_t row = static_cast<std::size_t>(out.width * channels);
  out.pixels.resize(row * static_cast<std::size_t>(out.height));
  while (info.output_scanline < info.output_height) {
    JSAMPROW at = out.pixels.data() + row * info.output_scanline;
    jpeg_read_scanlines(&info, &at, 1);
  }
  jpeg_finish_decompress(&info);
  return out;
}

}  // namespace levin
