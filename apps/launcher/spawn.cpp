#include "levin/apps/launcher/spawn.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "levin/framework/base/files.h"

namespace levin::launcher {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

bool redirect(const std::string& path, int to) {
  if (path.empty()) return true;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  return fd >= 0 && ::dup2(fd, to) == to && ::close(fd) == 0;
}

// Between fork and exec, where other threads' locks may be held for ever: system calls only.
void become(const Program& program, char* const* arguments, char* const* environment, const sigset_t& mask, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it was gone before it could be watched
  if (::isatty(0)) {
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::close(null);
  }
  if (!redirect(program.out, 1) || !redirect(program.err, 2)) return;
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execve(arguments[0], arguments, environment);
}

}  // namespace

Spawned spawn(const Program& program, const sigset_t& mask) {
  const auto arguments = pointers(program.arguments), environment = pointers(program.environment);
  int ends[2];  // tells of a failed exec; a good one closes it
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_os_error(errno, "pipe");
  const pid_t parent = ::getpid(), child = ::fork();
  if (child == 0) {
    become(program, arguments.data(), environment.data(), mask, parent);
    const int error = errno;
    [[maybe_unused]] const auto n = ::write(ends[1], &error, sizeof error);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::close(ends[1]);
  sockets::Descriptor news(ends[0]);
  if (child < 0) throw_os_error(fork_error, "fork");
  ::setpgid(child, child);  // whichever of the two comes first
  return {child, std::move(news)};
}

void wait_running(Spawned& spawned, const Program& program) {
  int error = 0;
  ssize_t n;
  while ((n = ::read(spawned.news.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  spawned.news = sockets::Descriptor();
  if (n == sizeof error) throw_os_error(error, program.arguments.front());
}

}  // namespace levin::launcher
