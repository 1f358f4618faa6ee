#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/codec/byte_sink.h"
#include "levin/framework/base/codec/zip_format.h"
#include "levin/framework/base/export.h"

namespace levin {

/// Writes the zip container of a checkpoint front to back, byte for byte as `torch.save` does:
/// records are stored, not compressed, each record's data starts at a multiple of 64, CRC-32
/// always, no dates, zip64 where it is needed.
class LEVIN_API ZipWriter {
 public:
  /// `root` is the folder that all records are in.
  explicit ZipWriter(ByteSink& sink, std::string root = "archive");

  /// Writes one record. Each name is given once.
  void add(const std::string& name, const void* data, std::size_t size);
  void add(const std::string& name, std::string_view text) { add(name, text.data(), text.size()); }
  /// Writes the directory. Nothing can be added afterwards.
  void finish();

  /// Forty digits that follow from the names and contents of the records so far: equal files have
  /// equal ids.
  std::string content_id() const;

 private:
  void put(const void* data, std::size_t size);
  void put_scratch();

  ByteSink& sink_;
  std::string root_, scratch_;
  std::uint64_t position_ = 0;
  std::vector<zip::Entry> entries_;
};

}  // namespace levin
