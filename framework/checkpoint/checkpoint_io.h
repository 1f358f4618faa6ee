#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// How a checkpoint dict becomes a file and back. Replace it to store elsewhere.
class LEVIN_API CheckpointIO {
 public:
  virtual ~CheckpointIO();
  /// Writes atomically and durably: when it returns the file is complete and survives a power loss; when it throws (OSError) the
  /// files that were there are untouched. Makes missing folders.
  virtual void save_checkpoint(const Value& checkpoint, const std::string& path);
  /// Reads and verifies every record. FileNotFoundError, or CheckpointError naming the bad record.
  virtual Value load_checkpoint(const std::string& path);
  /// Removes a file (or a folder of files); a missing one is fine.
  virtual void remove_checkpoint(const std::string& path);
};

}  // namespace levin
