#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "levin/framework/base/codec/byte_sink.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/files.h"

/// Files that are either as they were or complete, whatever happens: a kill, a full disk, a power
/// cut.
namespace levin {

struct WriteOptions {
  /// If not 0, compared with the free space first, so that a save that can't fit fails at once.
  std::uint64_t expected_bytes = 0;
  /// Read the file back before it takes its name and compare checksums: CheckpointError if it does
  /// not read as it was written.
  bool read_back = false;
};

/// Writes a file under a temporary name in the same folder, syncs and closes it, renames it to
/// `path` and syncs the folder. When this returns, the file survives a power cut (on local POSIX
/// file systems); if it throws before the rename, the temporary file is gone and what was at `path`
/// is untouched. OSError names `path` and the system's reason; errors that `content` throws pass
/// through. Returns false if the file is in place but the file system can't sync folders (EINVAL,
/// ENOTSUP, EPERM, EACCES: mounted devices, some network shares), so that a power cut may still
/// bring the old file back.
LEVIN_API bool write_durably(Files& files, const std::string& path,
                             const std::function<void(ByteSink&)>& content,
                             const WriteOptions& options = {});

/// Points the symbolic link at `target` (relative to the link's folder, or absolute) without a
/// moment in which it is missing. What was at `link_path`, a link or a file, is replaced. Errors
/// and result as with write_durably.
LEVIN_API bool replace_symlink(Files& files, const std::string& target,
                               const std::string& link_path);

struct Linked {
  bool is_copy = false;  ///< the file system has no symbolic links
  bool synced = true;    ///< as the result of write_durably
};

/// replace_symlink; where the file system or the user's rights allow no symbolic links (EPERM,
/// EACCES, ENOTSUP, ENOSYS, EINVAL), `link_path` becomes a copy of the file, made with
/// write_durably. The caller says so once.
LEVIN_API Linked link_or_copy(Files& files, const std::string& target,
                              const std::string& link_path);

/// Removes the temporary files that processes of this machine left in the folder when they were
/// killed. Those of running processes and of other machines stay. Returns how many were removed; 0
/// if the folder can't be listed.
LEVIN_API int remove_stale_temporaries(Files& files, const std::string& folder);

}  // namespace levin
