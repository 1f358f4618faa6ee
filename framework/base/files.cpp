#include "levin/framework/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

int result(int returned) { return returned < 0 ? -errno : returned; }

class RealFiles final : public Files {
 public:
  int open_exclusive(const std::string& path, unsigned mode) override {
    return result(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  }
  std::int64_t write(int fd, const void* data, std::size_t size) override {
    const auto written = ::write(fd, data, size);
    return written < 0 ? -errno : written;
  }
  std::int64_t read(int fd, void* data, std::size_t size, std::int64_t offset) override {
    const auto got = ::pread(fd, data, size, offset);
    return got < 0 ? -errno : got;
  }
  void start_writing_back([[maybe_unused]] int fd, [[maybe_unused]] std::int64_t offset,
                          [[maybe_unused]] std::int64_t size) override {
#ifdef SYNC_FILE_RANGE_WRITE
    ::sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE);
#endif
  }
  int fsync(int fd) override { return result(::fsync(fd)); }
  int close(int fd) override { return result(::close(fd)); }
  int rename(const std::string& from, const std::string& to) override {
    return result(::rename(from.c_str(), to.c_str()));
  }
  int unlink(const std::string& path) override { return result(::unlink(path.c_str())); }
  int hold(const std::string& path) override {
#ifdef O_PATH
    return result(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
#else
    return result(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
#endif
  }

  int fsync_directory(const std::string& folder) override {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    const int synced = result(::fsync(fd));
    ::close(fd);
    return synced;
  }

  int exists(const std::string& path) override {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
  }

  int list(const std::string& folder, std::vector<std::string>& names) override {
    DIR* stream = ::opendir(folder.c_str());
    if (!stream) return -errno;
    names.clear();
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
      errno = 0;
    }
    const int error = errno;
    ::closedir(stream);
    std::sort(names.begin(), names.end());
    return -error;
  }

  int symlink(const std::string& target, const std::string& path) override {
    return result(::symlink(target.c_str(), path.c_str()));
  }

  int make_directories(const std::string& folder) override {
    if (folder.empty()) return -ENOENT;
    struct stat there {};
    if (::stat(folder.c_str(), &there) == 0 && S_ISDIR(there.st_mode)) return 0;
    for (std::size_t slash = folder.find('/', 1);; slash = folder.find('/', slash + 1)) {
      const std::string part = folder.substr(0, slash);
      if (::mkdir(part.c_str(), 0777) != 0) {
        const int error = errno;
        struct stat info {};
        // A read-only parent may refuse before it notices that the folder is there.
        if (::stat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
          return error == EEXIST ? -ENOTDIR : -error;
      }
      if (slash == std::string::npos) return 0;
    }
  }

  std::int64_t free_space(const std::string& folder) override {
    struct statvfs info {};
    if (::statvfs(folder.c_str(), &info) != 0) return -errno;
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(info.f_bavail, info.f_frsize, &bytes))
      return std::numeric_limits<std::int64_t>::max();
    return bytes;
  }
};

}  // namespace

Files::~Files() = default;
NoSpaceError::~NoSpaceError() = default;

Files& real_files() {
  static RealFiles files;
  return files;
}

void throw_os_error(int error, const std::string& path) {
  const std::string message = "[Errno " + std::to_string(error) + "] " +
                              std::generic_category().message(error) + ": '" + path + "'";
  if (error == ENOENT) throw FileNotFoundError(message);
  if (error == ENOSPC || error == EDQUOT) throw NoSpaceError(message);
  throw OSError(message);
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace levin
