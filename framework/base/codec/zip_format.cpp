#include "levin/framework/base/codec/zip_format.h"

#include <algorithm>
#include <cstring>

namespace levin::zip {
namespace {

// Numbers one behind the other, each of its own width.
template <class... Numbers>
void put(std::string& out, Numbers... numbers) {
  char raw[(sizeof numbers + ...)];
  char* at = raw;
  ((std::memcpy(at, &numbers, sizeof numbers), at += sizeof numbers), ...);
  out.append(raw, sizeof raw);
}

std::uint16_t u16(std::size_t value) { return static_cast<std::uint16_t>(value); }
std::uint32_t u32(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

std::uint32_t narrow(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, in_zip64));
}

// The zip64 field holds, in this order, what does not fit its 32-bit place.
std::size_t zip64_size(const Entry& entry) {
  const std::size_t body = (entry.size >= in_zip64 ? 16u : 0u) + (entry.header_offset >= in_zip64 ? 8u : 0u);
  return body == 0 ? 0 : body + 4;
}

void append_zip64(std::string& out, const Entry& entry, std::uint64_t compressed) {
  const std::size_t size = zip64_size(entry);
  if (size == 0) return;
  put(out, extra_zip64, u16(size - 4));
  if (entry.size >= in_zip64) put(out, entry.size, compressed);
  if (entry.header_offset >= in_zip64) put(out, entry.header_offset);
}

std::uint16_t flags(const Entry& entry) {
  constexpr std::uint16_t utf8 = 0x0800, has_descriptor = 0x0008;
  return entry.size > 0 ? utf8 | has_descriptor : utf8;
}

}  // namespace

void append_local_header(std::string& out, const Entry& entry) {
  const std::size_t zip64 = zip64_size(entry);
  const std::uint64_t data = entry.header_offset + local_size + entry.name.size() + zip64 + 4;
  const std::uint16_t padding = u16((alignment - data % alignment) % alignment);
  const std::uint16_t version = 0, stored = 0, time = 0, date = 0;
  const std::uint32_t in_descriptor = 0;

  put(out, local_signature, version, flags(entry), stored, time, date, in_descriptor, in_descriptor,
      in_descriptor, u16(entry.name.size()), u16(zip64 + 4 + padding));
  out += entry.name;
  append_zip64(out, entry, 0);  // not yet known, says PyTorch's writer here
  put(out, extra_padding, padding);
  out.append(padding, 'Z');
}

void append_descriptor(std::string& out, const Entry& entry) {
  if (entry.size == 0) return;
  put(out, descriptor_signature, entry.crc);
  if (entry.is_zip64())
    put(out, entry.size, entry.size);
  else
    put(out, narrow(entry.size), narrow(entry.size));
}

void append_central_header(std::string& out, const Entry& entry) {
  const std::uint16_t made_by = 0, needed = 0, stored = 0, time = 0, date = 0, comment = 0, disk = 0,
                      internal = 0;
  const std::uint32_t external = 0;
  put(out, central_signature, made_by, needed, flags(entry), stored, time, date, entry.crc,
      narrow(entry.size), narrow(entry.size), u16(entry.name.size()), u16(zip64_size(entry)), comment,
      disk, internal, external, narrow(entry.header_offset));
  out += entry.name;
  append_zip64(out, entry, entry.size);
}

void append_end_of_directory(std::string& out, std::uint64_t entries, std::uint64_t offset, std::uint64_t size) {
  const std::uint16_t version = 0x031e, needed = 45, disk = 0, comment = 0,
                      count = u16(std::min<std::uint64_t>(entries, 0xffff));
  const std::uint64_t rest = end64_size - 12;
  // The wide record always, also where the numbers would fit the old one.
  put(out, end64_signature, rest, version, needed, u32(0), u32(0), entries, entries, size, offset);
  put(out, locator64_signature, u32(0), offset + size, u32(1));
  put(out, end_signature, disk, disk, count, count, narrow(size), narrow(offset), comment);
}

}  // namespace levin::zip
