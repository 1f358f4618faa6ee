#include "levin/framework/base/codec/zip_writer.h"

#include <algorithm>

#include "levin/framework/base/codec/crc32.h"
#include "levin/framework/base/errors.h"

namespace levin {

ZipWriter::ZipWriter(ByteSink& sink, std::string root) : sink_(sink), root_(std::move(root)) {}

void ZipWriter::put(const void* data, std::size_t size) {
  sink_.write(data, size);
  position_ += size;
}

void ZipWriter::put_scratch() {
  put(scratch_.data(), scratch_.size());
  scratch_.clear();
}

void ZipWriter::add(const std::string& name, const void* data, std::size_t size) {
  zip::Entry entry{.name = root_ + "/" + name, .header_offset = position_, .size = size};
  if (entry.name.size() > 4096)
    throw ValueError("a record's name has " + std::to_string(entry.name.size()) +
                     " bytes; 4096 are allowed");
  zip::append_local_header(scratch_, entry);
  put_scratch();
  // In pieces that stay in the cache between the checksum and the copy into the kernel.
  constexpr std::size_t piece = std::size_t{1} << 20;
  const char* bytes = static_cast<const char*>(data);
  for (std::size_t done = 0; done < size; done += piece) {
    const std::size_t length = std::min(piece, size - done);
    entry.crc = crc32(entry.crc, bytes + done, length);
    put(bytes + done, length);
  }
  zip::append_descriptor(scratch_, entry);
  put_scratch();
  entries_.push_back(std::move(entry));
}

void ZipWriter::finish() {
  const std::uint64_t start = position_;
  for (const zip::Entry& entry : entries_) zip::append_central_header(scratch_, entry);
  zip::append_end_of_directory(scratch_, entries_.size(), start, scratch_.size());
  put_scratch();
}

std::string ZipWriter::content_id() const {
  std::uint64_t names = 0xcbf29ce484222325, contents = names;  // FNV-1a
  auto mix = [](std::uint64_t& hash, std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  std::string descriptor;
  for (const zip::Entry& entry : entries_) {
    mix(names, entry.name);
    descriptor.clear();
    zip::append_descriptor(descriptor, entry);
    mix(contents, descriptor);
  }
  auto digits = [](std::uint64_t hash) {
    const std::string text = std::to_string(hash);
    return std::string(20 - text.size(), '0') + text;
  };
  return digits(names) + digits(contents);
}

}  // namespace levin
