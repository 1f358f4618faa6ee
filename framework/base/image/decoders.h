#pragma once
#include <string>
#include <string_view>

#include "levin/framework/base/image/image.h"

namespace levin {

/// One format each; ValueError with `name` in front for damage.
Image decode_png(std::string_view bytes, std::int64_t channels, const std::string& name);
Image decode_jpeg(std::string_view bytes, std::int64_t channels, const std::string& name);
/// ValueError for sizes that nothing should be allocated for.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name);

}  // namespace levin
