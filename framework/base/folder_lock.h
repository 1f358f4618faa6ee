#pragma once
#include <memory>
#include <string>

#include "levin/framework/base/export.h"

namespace levin {

/// Keeps other processes from saving into a folder: `flock` on the folder itself, so that no lock
/// file is made or left behind, and the system gives it back when the process ends, however that
/// happens.
///
/// There is one lock per process and folder, counted: all checkpoints and Trainers of a process
/// share it, and it is given back with the last FolderLock. Two spellings of one folder, or a link
/// to it, are one folder. A child made by `fork` shares its parent's lock. Thread-safe.
class LEVIN_API FolderLock {
 public:
  /// Holds nothing.
  FolderLock() = default;
  /// Locks `folder`, which must exist (FileNotFoundError). OSError at once if another process has
  /// it, naming that process where the system tells: "folder '/x' is in use by another process
  /// (pid 4711, './train', since 2026-05-01 12:00:00); ...".
  explicit FolderLock(const std::string& folder);

  /// False if the file system refuses locks (some network and user-space ones: ENOTSUP, ENOLCK,
  /// ENOSYS, EINVAL, EPERM, EACCES); then nothing keeps others away and the caller says so once.
  bool locked() const;
  /// The system's reason why not, "" if locked or empty.
  const std::string& reason() const;
  /// Gives the lock back before the end of the object's life.
  void release() { held_.reset(); }

 private:
  struct Held;
  std::shared_ptr<const Held> held_;
};

}  // namespace levin
