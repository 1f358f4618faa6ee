#include "levin/framework/base/codec/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/files.h"

namespace levin {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path, bool for_copying) {
  // O_NONBLOCK: opening a pipe by mistake must not wait for a writer.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat info {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) throw_os_error(errno, path);
  if (!S_ISREG(info.st_mode))
    throw CheckpointError("can't read the checkpoint '" + path + "': it is not a regular file");
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = nullptr;
  if (size > 0) {
    // Writable private pages, because a tensor made from a view may be changed in place.
    data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.fd, 0);
    if (data == MAP_FAILED) throw_os_error(errno, path);
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(data, size, for_copying ? std::exchange(file.fd, -1) : -1));
}

bool MappedFile::read(std::size_t offset, char* to, std::size_t size) const {
  while (size > 0) {
    const auto got = ::pread(fd_, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    offset += static_cast<std::size_t>(got);
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace levin
