#include "levin/framework/base/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/files.h"

namespace levin {
namespace {

class File {
 public:
  File(std::string path, int flags) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) throw_os_error(errno, path_);
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  off_t size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) throw_os_error(errno, path_);
    return status.st_size;
  }

  // A short write is what a full disk or a quota leaves; the next one would say so.
  void write(std::string_view content) {
    ssize_t written;
    do written = ::write(fd_, content.data(), content.size());
    while (written < 0 && errno == EINTR);
    if (written < 0) throw_os_error(errno, path_);
    if (static_cast<std::size_t>(written) != content.size()) throw_os_error(ENOSPC, path_);
  }

  void cut(off_t size) { (void)!::ftruncate(fd_, size); }

  // Network file systems report a full disk only here.
  void close() {
    if (::close(std::exchange(fd_, -1)) != 0) throw_os_error(errno, path_);
  }

 private:
  std::string path_;
  int fd_;
};

void make_folder_of(const std::string& path) {
  const std::string folder = folder_of(path);
  if (const int error = real_files().make_directories(folder); error < 0) throw_os_error(-error, folder);
}

}  // namespace

void append_to_file(const std::string& path, std::string_view content) {
  if (::access(path.c_str(), F_OK) != 0) make_folder_of(path);
  File file(path, O_APPEND);
  const off_t before = file.size();
  try {
    file.write(content);
  } catch (const OSError&) {
    file.cut(before);
    throw;
  }
  file.close();
}

void replace_file(const std::string& path, std::string_view content) {
  make_folder_of(path);
  const std::string temporary = path + ".tmp";
  try {
    File file(temporary, O_TRUNC);
    file.write(content);
    file.close();
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_os_error(errno, path);
  } catch (const OSError&) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace levin
