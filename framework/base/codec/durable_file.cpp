#include "levin/framework/base/codec/durable_file.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "levin/framework/base/codec/crc32.h"
#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 20;
constexpr std::int64_t write_back_size = std::int64_t{8}
                                         << 20;  // makes up for the time that checksums take

// Small pieces are collected, large ones go straight to the file.
class FileSink final : public ByteSink {
 public:
  FileSink(Files& files, int fd, const std::string& path, const WriteOptions& options)
      : files_(files), fd_(fd), path_(path), sums_up_(options.read_back) {
    const std::uint64_t expected = options.expected_bytes;
    buffer_.reserve(expected == 0 ? buffer_size : std::min<std::uint64_t>(expected, buffer_size));
  }

  void write(const void* data, std::size_t size) override {
    if (size == 0) return;
    if (buffer_.size() + size > buffer_size) flush();
    if (size >= buffer_size)
      put(static_cast<const char*>(data), size);
    else
      buffer_.append(static_cast<const char*>(data), size);
  }
  void flush() {
    put(buffer_.data(), buffer_.size());
    buffer_.clear();
  }

  // Whether the file has what was written, as far as the system tells: what a failing memory or
  // driver has done to it on the way shows here.
  void read_back() const {
    std::uint32_t crc = 0;
    std::string piece(std::min(buffer_size, static_cast<std::size_t>(written_) + 1), '\0');
    std::int64_t done = 0;
    while (true) {
      const std::int64_t got = files_.read(fd_, piece.data(), piece.size(), done);
      if (got == -EINTR) continue;
      if (got < 0) throw_os_error(static_cast<int>(-got), path_);
      if (got == 0) break;
      crc = crc32(crc, piece.data(), static_cast<std::size_t>(got));
      done += got;
    }
    if (done == written_ && crc == crc_) return;
    throw CheckpointError("'" + path_ + "' was not saved: the file does not read as it was written; the disk or the memory is faulty");
  }

 private:
  void put(const char* data, std::size_t size) {
    if (sums_up_) crc_ = crc32(crc_, data, size);
    while (size > 0) {
      const std::int64_t written = files_.write(fd_, data, size);
      if (written == -EINTR) continue;
      if (written <= 0) throw_os_error(written == 0 ? ENOSPC : static_cast<int>(-written), path_);
      data += written;
      size -= static_cast<std::size_t>(written);
      written_ += written;
    }
    if (written_ - handed_over_ < write_back_size) return;
    files_.start_writing_back(fd_, handed_over_, written_ - handed_over_);
    handed_over_ = written_;
  }

  Files& files_;
  int fd_;
  const std::string& path_;
  bool sums_up_;
  std::uint32_t crc_ = 0;
  std::string buffer_;
  std::int64_t written_ = 0, handed_over_ = 0;
};

// Tells machines apart that share a folder: a process number means nothing on another one.
const std::string& machine_tag() {
  static const std::string tag = [] {
    char name[256] = {};
    ::gethostname(name, sizeof name - 1);
    std::uint32_t hash = 0x811c9dc5;  // FNV-1a
    for (const char* c = name; *c; ++c) hash = (hash ^ static_cast<unsigned char>(*c)) * 0x01000193;
    char text[9] = {};
    std::snprintf(text, sizeof text, "%08x", hash);
    return std::string(text);
  }();
  return tag;
}

// ".<name>.<machine>-<process>-<count>.tmp" beside the file.
std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> count{0};
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const std::string name = path.substr(folder.size()).substr(0, 180);  // a name may have 255 bytes
  return folder + "." + name + "." + machine_tag() + "-" + std::to_string(::getpid()) + "-" +
         std::to_string(count++) + ".tmp";
}

// The process that wrote a temporary file on this machine; nothing for any other name.
std::optional<pid_t> writer_of(std::string_view name) {
  constexpr std::string_view suffix = ".tmp";
  if (name.size() < 2 || name[0] != '.' || !name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  const std::size_t dot = name.rfind('.');
  if (dot == 0 || dot == std::string_view::npos) return std::nullopt;
  std::string_view tag = name.substr(dot + 1);
  if (!tag.starts_with(machine_tag() + "-")) return std::nullopt;
  tag.remove_prefix(machine_tag().size() + 1);
  pid_t pid = 0;
  unsigned count = 0;
  const char* end = tag.data() + tag.size();
  const auto first = std::from_chars(tag.data(), end, pid);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-' || pid <= 0)
    return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, count);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return pid;
}

// Not a failure: this file system, or this user's rights on it, never allow such a call.
bool refused(int result) {
  constexpr int errors[] = {EINVAL, ENOTSUP, EPERM, EACCES, ENOSYS, EBADF};
  return std::find(std::begin(errors), std::end(errors), -result) != std::end(errors);
}

// A temporary file: closed and removed unless it was renamed.
class Temporary {
 public:
  Temporary(Files& files, const std::string& path)
      : files_(files), path_(path), name_(temporary_name(path)) {}
  ~Temporary() {
    if (fd_ >= 0) files_.close(fd_);
    if (exists_) files_.unlink(name_);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  void write(const std::function<void(ByteSink&)>& content, const WriteOptions& options) {
    // A number that a killed process with our process number has used already is skipped.
    while ((fd_ = files_.open_exclusive(name_, 0644)) == -EEXIST || fd_ == -EINTR)
      name_ = temporary_name(path_);
    if (fd_ < 0) throw_os_error(-fd_, path_);
    exists_ = true;
    FileSink sink(files_, fd_, path_, options);
    content(sink);
    sink.flush();
    // After a failed fsync the pages may be marked clean though they never reached the disk: never
    // try again.
    check(files_.fsync(fd_));
    if (options.read_back) sink.read_back();
    const int closed = files_.close(std::exchange(fd_, -1));
    if (closed != -EINTR) check(closed);
  }
  // False where there are no symbolic links.
  bool link(const std::string& target) {
    int made = 0;
    while ((made = files_.symlink(target, name_)) == -EEXIST) name_ = temporary_name(path_);
    link_error_ = -made;
    if (refused(made)) return false;
    check(made);
    return exists_ = true;
  }
  [[noreturn]] void throw_link_error() const { throw_os_error(link_error_, path_); }
  const std::string& name() const { return name_; }
  void commit() {
    check(files_.rename(name_, path_));
    exists_ = false;
  }

 private:
  void check(int result) const {
    if (result < 0) throw_os_error(-result, path_);
  }

  Files& files_;
  const std::string& path_;
  std::string name_;
  int fd_ = -1;
  int link_error_ = 0;
  bool exists_ = false;
};

bool sync_folder(Files& files, const std::string& path) {
  int result = 0;
  while ((result = files.fsync_directory(folder_of(path))) == -EINTR) {
  }
  if (result < 0 && !refused(result)) throw_os_error(-result, path);
  return result == 0;
}

}  // namespace

bool write_durably(Files& files, const std::string& path,
                   const std::function<void(ByteSink&)>& content, const WriteOptions& options) {
  if (options.expected_bytes > 0) {
    const std::int64_t space = files.free_space(folder_of(path));
    if (space >= 0 && static_cast<std::uint64_t>(space) < options.expected_bytes)
      throw_os_error(ENOSPC, path);
  }
  Temporary temporary(files, path);
  temporary.write(content, options);
  temporary.commit();
  return sync_folder(files, path);
}

bool replace_symlink(Files& files, const std::string& target, const std::string& link_path) {
  Temporary temporary(files, link_path);
  if (!temporary.link(target)) temporary.throw_link_error();
  temporary.commit();
  return sync_folder(files, link_path);
}

Linked link_or_copy(Files& files, const std::string& target, const std::string& link_path) {
  {
    Temporary temporary(files, link_path);
    if (temporary.link(target)) {
      temporary.commit();
      return {.is_copy = false, .synced = sync_folder(files, link_path)};
    }
  }
  const std::string from = target.starts_with('/') ? target : folder_of(link_path) + "/" + target;
  const auto file = MappedFile::open(from);
  const auto content = [&](ByteSink& sink) { sink.write(file->bytes()); };
  return {.is_copy = true, .synced = write_durably(files, link_path, content, {.expected_bytes = file->bytes().size()})};
}

int remove_stale_temporaries(Files& files, const std::string& folder) {
  std::vector<std::string> names;
  if (files.list(folder, names) < 0) return 0;
  int removed = 0;
  for (const std::string& name : names) {
    const auto writer = writer_of(name);
    const bool gone = writer && ::kill(*writer, 0) != 0 && errno == ESRCH;
    if (gone && files.unlink(folder + "/" + name) == 0) ++removed;
  }
  return removed;
}

}  // namespace levin
