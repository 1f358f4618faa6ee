#include <isa-l/crc.h>

#include <cstdint>

#include "levin/framework/base/codec/little_endian.h"
#include "levin/loggers/tensorboard/event_file.h"

namespace levin::tensorboard {
namespace {

// TFRecord masks its checksums, because a checksum of data with checksums in it is a weak one.
std::uint32_t masked_crc32c(std::string_view data) {
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));
  const std::uint32_t crc = ~crc32_iscsi(bytes, static_cast<int>(data.size()), 0xffffffffU);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace

void append_record(std::string& out, std::string_view data) {
  std::string length;
  append_le(length, static_cast<std::uint64_t>(data.size()));
  out += length;
  append_le(out, masked_crc32c(length));
  out += data;
  append_le(out, masked_crc32c(data));
}

}  // namespace levin::tensorboard
