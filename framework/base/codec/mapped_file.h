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
  /// file. With `for_copying` the file stays open and `read` can be called.
  static std::shared_ptr<const MappedFile> open(const std::string& path, bool for_copying = false);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }
  /// Copies a part of the file, without mapping its pages, which would take longer than the copy.
  /// False if it can't be read, or no longer has that many bytes.
  bool read(std::size_t offset, char* to, std::size_t size) const;

 private:
  MappedFile(void* data, std::size_t size, int fd) : data_(data), size_(size), fd_(fd) {}
  void* data_;
  std::size_t size_;
  int fd_;  // -1 unless it stays open
};

}  // namespace levin
