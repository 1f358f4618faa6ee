#pragma once
#include <cstdint>
#include <string>

#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/export.h"

/// The parts of a zip file as PyTorch's writer lays them out: what the writer emits and the reader
/// compares with.
namespace levin::zip {

inline constexpr std::uint32_t local_signature = 0x04034b50, descriptor_signature = 0x08074b50;
inline constexpr std::uint32_t central_signature = 0x02014b50, end_signature = 0x06054b50;
inline constexpr std::uint32_t end64_signature = 0x06064b50, locator64_signature = 0x07064b50;
inline constexpr std::size_t local_size = 30, central_size = 46, end_size = 22, end64_size = 56,
                             locator64_size = 20;
inline constexpr std::uint16_t extra_zip64 = 0x0001, extra_padding = 0x4246;  ///< "FB"
inline constexpr std::uint32_t in_zip64 = 0xffffffff;  ///< "see the zip64 field"
inline constexpr std::uint64_t alignment = 64;

/// One record: its full name and where it lies.
struct Entry {
  std::string name;
  std::uint64_t header_offset = 0, size = 0;
  std::uint32_t crc = 0;

  bool is_zip64() const { return size >= in_zip64 || header_offset >= in_zip64; }
};

/// Appends a local header, its name and extra fields; the data follows at a multiple of 64.
LEVIN_API void append_local_header(std::string& out, const Entry& entry);
/// Appends CRC and sizes, which come after the data; nothing for an empty record.
LEVIN_API void append_descriptor(std::string& out, const Entry& entry);
/// Appends the entry's part of the central directory.
LEVIN_API void append_central_header(std::string& out, const Entry& entry);
/// Appends what ends the file after a central directory of `entries` records.
LEVIN_API void append_end_of_directory(std::string& out, std::uint64_t entries, std::uint64_t offset, std::uint64_t size);

}  // namespace levin::zip
