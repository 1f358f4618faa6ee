#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// One record of a checkpoint's zip container.
struct ZipRecord {
  std::string name;       ///< without the root folder: "data.pkl", "data/0"
  std::uint32_t crc = 0;  ///< 0 can mean "not computed"
  std::string_view data;  ///< within the bytes that were given
};

/// The table of contents of a checkpoint's zip container, checked before anything is allocated from
/// what it says.
class LEVIN_API ZipReader {
 public:
  /// `file` is the whole file and must outlive the reader. CheckpointError, without the file's
  /// name, for whatever is not a sound container: another format, compressed or encrypted records,
  /// records that overlap, lie outside the file or have a name twice, local headers that disagree
  /// with the directory, more than one root folder. With `canonical`, a file in PyTorch's aligned
  /// layout (it has a record `.storage_alignment`) must also have every byte outside the records as
  /// PyTorch writes it, so that no changed bit goes unseen.
  explicit ZipReader(std::string_view file, bool canonical = true);

  const std::string& root() const { return root_; }
  const std::vector<ZipRecord>& records() const { return records_; }
  /// nullptr if there is none of that name.
  const ZipRecord* find(std::string_view name) const;
  /// Compares the record with its CRC-32, unless that is 0; CheckpointError names the record.
  void verify(const ZipRecord& record) const;
  /// The same for bytes of the record that were copied, whose CRC-32 is `crc`.
  void verify(const ZipRecord& record, std::uint32_t crc) const;

 private:
  std::string root_;
  std::vector<ZipRecord> records_;  // sorted by name
};

}  // namespace levin
