#pragma once
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "codec_support.h"

/// What the tests of `levin inspect` and `levin convert` share.
namespace levin::test {

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "levin-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(*this / name, std::ios::binary) << bytes;
    return *this / name;
  }
  std::string write(const std::string& name, const Value& checkpoint) const { return write(name, archive_bytes(checkpoint)); }

 private:
  std::string path_;
};

/// Collects what is printed, with a newline after each line.
struct Printed {
  std::string text;
  void operator()(std::string_view line) { (text += line) += '\n'; }
};

}  // namespace levin::test
