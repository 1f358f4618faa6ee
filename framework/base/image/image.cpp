#include "levin/framework/base/image/image.h"

#include <algorithm>
#include <cctype>

#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/image/decoders.h"

namespace levin {

Image read_image(const std::string& path, std::int64_t channels) {
  if (channels != 1 && channels != 3) throw ValueError("an image is read with 1 channel or 3, got " + std::to_string(channels));
  const auto file = MappedFile::open(path);
  const std::string_view bytes = file->bytes();
  Image out;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) out = decode_png(bytes, channels, path);
  else if (bytes.starts_with("\xFF\xD8\xFF")) out = decode_jpeg(bytes, channels, path);
  else throw ValueError(path + ": neither PNG nor JPEG; convert it, or take it out of the folder");
  return out;
}

void check_image_size(std::int64_t width, std::int64_t height, const std::string& name) {
  if (width < 1 || height < 1 || width > (std::int64_t{1} << 28) / height)
    throw ValueError(name + ": an image of " + std::to_string(width) + " x " + std::to_string(height) + " pixels; up to 2^28 can be read");
}

bool has_image_name(const std::string& path) {
  const auto dot = path.rfind('.');
  if (dot == path.npos) return false;
  std::string end = path.substr(dot);
  std::transform(end.begin(), end.end(), end.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".png" || end == ".jpg" || end == ".jpeg";
}

}  // namespace levin
