#include "levin/framework/base/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/files.h"

namespace levin {
namespace {

using FolderId = std::pair<dev_t, ino_t>;

// "4: FLOCK  ADVISORY  WRITE 4711 fe:01:123456 0 EOF": the kernel's table of locks. Some file
// systems show another device there than stat does; the inode alone is then taken if it is the only
// one.
std::optional<pid_t> holder_of(const FolderId& folder) {
  std::ifstream table("/proc/locks");
  std::optional<pid_t> by_inode;
  int same_inode = 0;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string number, kind, advisory, access, place;
    pid_t pid = 0;
    if (!(fields >> number >> kind >> advisory >> access >> pid >> place)) continue;
    unsigned major = 0, minor = 0;
    unsigned long long inode = 0;
    if (kind != "FLOCK" || pid <= 0 ||
        std::sscanf(place.c_str(), "%x:%x:%llu", &major, &minor, &inode) != 3 ||
        inode != folder.second)
      continue;
    if (makedev(major, minor) == folder.first) return pid;
    by_inode = pid, ++same_inode;
  }
  return same_inode == 1 ? by_inode : std::nullopt;
}

std::string command_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
  std::string line;
  std::getline(file, line, '\0');
  return line;
}

// A process's folder in /proc is made when the process is first looked at, so its own time says
// little; field 22 of `stat` is the start in clock ticks since the machine started.
std::string start_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat"), uptime("/proc/uptime");
  std::string line;
  double up = 0, ticks = 0;
  if (!std::getline(file, line) || !(uptime >> up)) return "";
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) rest >> skipped;
  if (!(rest >> ticks)) return "";
  const double age = up - ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::time_t start = std::time(nullptr) - static_cast<std::time_t>(age);
  std::tm parts{};
  char text[32] = {};
  if (!::localtime_r(&start, &parts)) return "";
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string description_of(std::optional<pid_t> pid) {
  if (!pid) return "on this machine or another one; the system does not tell which";
  std::string text = "pid " + std::to_string(*pid);
  if (const std::string command = command_of(*pid); !command.empty()) text += ", '" + command + "'";
  if (const std::string start = start_of(*pid); !start.empty()) text += ", since " + start;
  return text;
}

bool refused(int error) {
  return error == EOPNOTSUPP || error == ENOTSUP || error == ENOLCK || error == ENOSYS ||
         error == EINVAL || error == EPERM || error == EACCES || error == EBADF;
}

}  // namespace

// What this process has locked. The last user closes under the mutex, so that a new one never meets
// a lock of its own process that is about to go.
struct FolderLock::Held {
  struct Lock {
    int fd = -1, users = 0;
    std::string reason;
  };
  static std::mutex mutex;
  static std::map<FolderId, Lock> locks;

  explicit Held(const std::string& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno != EACCES && errno != EPERM) throw_os_error(errno, folder);
    if (fd < 0) {  // a folder that may be written to but not listed
      reason = std::generic_category().message(errno);
      return;
    }
    try {
      struct stat info {};
      if (::fstat(fd, &info) != 0) throw_os_error(errno, folder);
      id = {info.st_dev, info.st_ino};
      const std::lock_guard guard(mutex);
      const auto known = locks.find(id);
      if (known == locks.end()) {
        reason = take(fd, folder);
        locks[id] = {fd, 1, reason};
        return;
      }
      ++known->second.users;
      reason = known->second.reason;
    } catch (...) {
      ::close(fd);
      throw;
    }
    ::close(fd);
  }
  ~Held() {
    const std::lock_guard guard(mutex);
    const auto known = locks.find(id);
    if (known == locks.end() || --known->second.users > 0) return;
    ::close(known->second.fd);
    locks.erase(known);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  // "" if the lock is ours now, else why the file system refuses.
  std::string take(int fd, const std::string& folder) const {
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      if (error == EINTR) continue;
      if (refused(error)) return std::generic_category().message(error);
      if (error != EWOULDBLOCK) throw_os_error(error, folder);
      throw OSError("[Errno " + std::to_string(error) + "] folder '" + folder +
                    "' is in use by another process (" + description_of(holder_of(id)) +
                    "); wait for it to end, or save into another folder");
    }
    return "";
  }

  FolderId id{};  // no folder has inode 0
  std::string reason;
};

std::mutex FolderLock::Held::mutex;
std::map<FolderId, FolderLock::Held::Lock> FolderLock::Held::locks;

FolderLock::FolderLock(const std::string& folder) : held_(std::make_shared<const Held>(folder)) {}

bool FolderLock::locked() const { return held_ && held_->reason.empty(); }

const std::string& FolderLock::reason() const {
  static const std::string none;
  return held_ ? held_->reason : none;
}

}  // namespace levin
