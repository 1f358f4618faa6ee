#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/checkpoint/background_remover.h"

namespace levin {

/// How a checkpoint dict becomes a file and back: `Trainer({.plugins = {...}})`. Replace it to store elsewhere.
///
/// Called by rank 0 only, in the order in which ModelCheckpoint decides: a file is removed after the one that takes its place was
/// saved. This base writes local files at once; AsyncCheckpointIO does it in the background.
class LEVIN_API CheckpointIO {
 public:
  virtual ~CheckpointIO();
  /// Writes atomically and durably: when it returns the file is complete and survives a power loss; when it throws (OSError) the
  /// files that were there are untouched. Makes missing folders.
  virtual void save_checkpoint(const Value& checkpoint, const std::string& path);
  /// Reads and verifies every record. FileNotFoundError, or CheckpointError naming the bad record.
  virtual Value load_checkpoint(const std::string& path);
  /// Removes a file (or a folder of files); a missing one is fine. It is gone when this returns; the disk space of a file is given
  /// back in the background, and a save that finds the disk full waits for that.
  virtual void remove_checkpoint(const std::string& path);
  /// Makes `link` a relative symbolic link to the checkpoint `target`, whatever it was before, without a moment in which it dangles
  /// or is absent. Where the file system has no links, `link` becomes a copy.
  virtual void link_checkpoint(const std::string& target, const std::string& link);
  /// Whether something has this name; a checkpoint that is still being written counts, one that is to be removed does not.
  virtual bool exists(const std::string& path);
  /// Throws what has failed in the background since the last call. The Trainer calls it after every training batch.
  virtual void rethrow_failure() {}
  /// Waits for what goes on in the background and throws if it failed. The Trainer calls it at the end of every run, failed or not.
  virtual void teardown();

 private:
  bool save_where_space_may_come(const Value& checkpoint, const std::string& path);

  BackgroundRemover remover_;
};

}  // namespace levin
