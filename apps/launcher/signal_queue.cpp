#include "levin/apps/launcher/signal_queue.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cmath>

namespace levin::launcher {

SignalQueue::SignalQueue(const std::vector<int>& numbers) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int number : numbers) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, &former_);
  fd_ = sockets::Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalQueue::~SignalQueue() { ::sigprocmask(SIG_SETMASK, &former_, nullptr); }

void SignalQueue::wait(double seconds, int other) {
  pollfd fds[] = {{fd_.get(), POLLIN, 0}, {other, POLLIN, 0}};
  ::poll(fds, 2, seconds < 0 ? -1 : static_cast<int>(std::ceil(seconds * 1000)));
}

std::optional<int> SignalQueue::next() {
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD) return static_cast<int>(info.ssi_signo);
  return {};
}

}  // namespace levin::launcher
