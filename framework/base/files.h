#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/export.h"

/// The file system as the saving code sees it, so that a test can make every single call fail.
namespace levin {

/// Thin calls of the operating system. Each returns a negative errno where it fails and never
/// throws; `throw_os_error` makes the exception. Nothing is retried here: an interrupted or short
/// write is the caller's to go on with.
class LEVIN_API Files {
 public:
  virtual ~Files();
  /// Makes a file that must not exist, for writing and reading; gives its descriptor. `mode` is
  /// subject to the umask.
  virtual int open_exclusive(const std::string& path, unsigned mode) = 0;
  /// The number of bytes written, which may be fewer than `size`.
  virtual std::int64_t write(int fd, const void* data, std::size_t size) = 0;
  /// Reads at `offset`; the number of bytes, 0 at the end.
  virtual std::int64_t read(int fd, void* data, std::size_t size, std::int64_t offset) = 0;
  /// A hint that the range will not change any more, so that the disk can begin while the rest is
  /// being made.
  virtual void start_writing_back(int fd, std::int64_t offset, std::int64_t size) = 0;
  virtual int fsync(int fd) = 0;
  /// The descriptor is gone in any case.
  virtual int close(int fd) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int unlink(const std::string& path) = 0;
  /// A descriptor that keeps what is there alive when its name goes; its space is free when that is
  /// closed. Follows no link.
  virtual int hold(const std::string& path) = 0;
  /// Makes renames and removals in the folder durable.
  virtual int fsync_directory(const std::string& folder) = 0;
  /// 1 if something is there (a dangling link counts), 0 if not.
  virtual int exists(const std::string& path) = 0;
  /// The names in a folder, sorted, without "." and "..".
  virtual int list(const std::string& folder, std::vector<std::string>& names) = 0;
  virtual int symlink(const std::string& target, const std::string& path) = 0;
  /// The folder and its parents; no error if it is there.
  virtual int make_directories(const std::string& folder) = 0;
  /// Bytes that this user may still write in the folder.
  virtual std::int64_t free_space(const std::string& folder) = 0;
};

/// The operating system's own.
LEVIN_API Files& real_files();

/// An OSError (and called so) that says that the disk, or the user's share of it, is full.
class LEVIN_API NoSpaceError final : public OSError {
 public:
  using OSError::OSError;
  ~NoSpaceError() override;
};

/// Throws FileNotFoundError (ENOENT), NoSpaceError (ENOSPC, EDQUOT) or OSError in Python's words:
/// "[Errno 28] No space left on device: 'a/b.ckpt'".
[[noreturn]] LEVIN_API void throw_os_error(int error, const std::string& path);

/// The folder that a path is in: "." for a bare name.
LEVIN_API std::string folder_of(const std::string& path);

}  // namespace levin
