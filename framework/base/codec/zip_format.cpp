#include "levin/framework/base/codec/zip_format.h"

#include <algorithm>

namespace levin::zip {
namespace {

template <class T>
void put(std::string& out, std::initializer_list<T> values) {
  for (const T value : values) append_le(out, value);
}

std::uint32_t narrow(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, in_zip64));
}

// The zip64 field holds, in this order, what does not fit its 32-bit place.
std::string zip64_extra(const Entry& entry, std::uint64_t compressed) {
  std::string body;
  if (entry.size >= in_zip64) put<std::uint64_t>(body, {entry.size, compressed});
  if (entry.header_offset >= in_zip64) append_le(body, entry.header_offset);
  if (body.empty()) return body;
  std::string field;
  put<std::uint16_t>(field, {extra_zip64, static_cast<std::uint16_t>(body.size())});
  return field + body;
}

std::uint16_t flags(const Entry& entry) {
  constexpr std::uint16_t utf8 = 0x0800, has_descriptor = 0x0008;
  return entry.size > 0 ? utf8 | has_descriptor : utf8;
}

}  // namespace

std::string local_header(const Entry& entry) {
  std::string extra = zip64_extra(entry, 0);  // not yet known, says PyTorch's writer here
  const std::uint64_t data =
      entry.header_offset + local_size + entry.name.size() + extra.size() + 4;
  const auto padding = static_cast<std::uint16_t>((alignment - data % alignment) % alignment);
  put<std::uint16_t>(extra, {extra_padding, padding});
  extra.append(padding, 'Z');

  std::string out;
  append_le(out, local_signature);
  put<std::uint16_t>(out,
                     {0, flags(entry), 0, 0, 0});  // version, flags, method 0 (stored), time, date
  put<std::uint32_t>(out, {0, 0, 0});              // CRC and sizes: in the descriptor
  put<std::uint16_t>(out, {static_cast<std::uint16_t>(entry.name.size()),
                           static_cast<std::uint16_t>(extra.size())});
  return out + entry.name + extra;
}

std::string descriptor(const Entry& entry) {
  std::string out;
  if (entry.size == 0) return out;
  put<std::uint32_t>(out, {descriptor_signature, entry.crc});
  if (entry.is_zip64())
    put<std::uint64_t>(out, {entry.size, entry.size});
  else
    put<std::uint32_t>(out, {narrow(entry.size), narrow(entry.size)});
  return out;
}

std::string central_header(const Entry& entry) {
  const std::string extra = zip64_extra(entry, entry.size);
  std::string out;
  append_le(out, central_signature);
  put<std::uint16_t>(out,
                     {0, 0, flags(entry), 0, 0, 0});  // made by, needed, flags, method, time, date
  put<std::uint32_t>(out, {entry.crc, narrow(entry.size), narrow(entry.size)});
  put<std::uint16_t>(
      out, {static_cast<std::uint16_t>(entry.name.size()), static_cast<std::uint16_t>(extra.size()),
            0, 0, 0});  // comment, disk, internal attributes
  put<std::uint32_t>(out, {0, narrow(entry.header_offset)});
  return out + entry.name + extra;
}

std::string end_of_directory(std::uint64_t entries, std::uint64_t offset, std::uint64_t size) {
  std::string out;
  append_le(out, end64_signature);  // always, also where the numbers would fit the old record
  append_le<std::uint64_t>(out, end64_size - 12);
  put<std::uint16_t>(out, {0x031e, 45});
  put<std::uint32_t>(out, {0, 0});
  put<std::uint64_t>(out, {entries, entries, size, offset});
  put<std::uint32_t>(out, {locator64_signature, 0});
  append_le<std::uint64_t>(out, offset + size);
  append_le<std::uint32_t>(out, 1);
  const auto count = static_cast<std::uint16_t>(std::min<std::uint64_t>(entries, 0xffff));
  append_le(out, end_signature);
  put<std::uint16_t>(out, {0, 0, count, count});
  put<std::uint32_t>(out, {narrow(size), narrow(offset)});
  append_le<std::uint16_t>(out, 0);
  return out;
}

}  // namespace levin::zip
