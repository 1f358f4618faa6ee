#include "levin/framework/base/codec/crc32.h"

#include <isa-l/crc.h>

namespace levin {

std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t size) {
  if (size == 0) return crc;
  return crc32_gzip_refl(crc, static_cast<const unsigned char*>(data), size);
}

}  // namespace levin
