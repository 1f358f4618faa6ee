#include "levin/apps/launcher/guardian.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>

#include "levin/framework/base/files.h"

namespace levin::launcher {
namespace {

[[noreturn]] void guard(int pipe) {
  ::setsid();  // no Ctrl-C, no kill of the launcher's group reaches it
  ::prctl(PR_SET_NAME, "levin-guard");
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
  std::set<pid_t> groups;
  pid_t group;
  for (;;) {
    const ssize_t n = ::read(pipe, &group, sizeof group);
    if (n < 0 && errno == EINTR) continue;
    if (n != sizeof group) break;
    if (group > 0) groups.insert(group);
    else groups.erase(-group);
  }
  for (const pid_t left : groups) ::kill(-left, SIGKILL);
  ::_exit(0);
}

}  // namespace

Guardian::Guardian() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_os_error(errno, "pipe");
  pid_ = ::fork();
  if (pid_ < 0) throw_os_error(errno, "fork");
  if (pid_ == 0) {
    ::close(ends[1]);
    guard(ends[0]);
  }
  ::close(ends[0]);
  pipe_ = sockets::Descriptor(ends[1]);
}

Guardian::~Guardian() {
  pipe_ = sockets::Descriptor();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Guardian::tell(pid_t group) {
  while (::write(pipe_.get(), &group, sizeof group) < 0 && errno == EINTR) {
  }
}

}  // namespace levin::launcher
