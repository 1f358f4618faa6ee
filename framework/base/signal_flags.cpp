#include "levin/framework/base/signal_flags.h"

#include <csignal>
#include <cstring>
#include <mutex>

namespace levin::signals {
namespace {

volatile std::sig_atomic_t interrupt_count = 0, terminate_count = 0;
struct sigaction former_int, former_term;
std::mutex mutex;
int scopes = 0;

void on_signal(int signal) {
  volatile std::sig_atomic_t& count = signal == SIGINT ? interrupt_count : terminate_count;
  const int before = count;
  count = before + 1;
  if (before == 0) return;
  // The second one of a kind means it: the default action, now.
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

bool interrupted() noexcept { return interrupt_count > 0; }
bool terminated() noexcept { return terminate_count > 0; }
void clear() noexcept {
  interrupt_count = 0;
  terminate_count = 0;
}

HandlerScope::HandlerScope() {
  const std::lock_guard lock(mutex);
  if (scopes++ > 0) return;
  clear();
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &former_int);
  sigaction(SIGTERM, &action, &former_term);
}

HandlerScope::~HandlerScope() {
  const std::lock_guard lock(mutex);
  if (--scopes > 0) return;
  sigaction(SIGINT, &former_int, nullptr);
  sigaction(SIGTERM, &former_term, nullptr);
}

}  // namespace levin::signals
