#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

namespace levin {

/// A regular file, mapped for reading. The pages that are written to are private copies: the file
/// never changes through it.
class LEVIN_API MappedFile {
 public:
  /// FileNotFoundError or OSError if it can't be opened; CheckpointError for what is no regular
  /// file.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  MappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  void* data_;
  std::size_t size_;
};

}  // namespace levin
