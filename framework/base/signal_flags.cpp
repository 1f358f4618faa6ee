#include "levin/framework/base/signal_flags.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>

namespace levin::signals {
namespace {

volatile std::sig_atomic_t interrupt_count = 0, terminate_count = 0, requeue_count = 0;
volatile double first_at[2];  // of SIGINT and SIGTERM
constexpr double same_wish = 0.5;  // seconds
struct sigaction former_int, former_term, former_usr1;
std::mutex mutex;
int scopes = 0;

double seconds() {
  timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void on_signal(int signal) {
  if (signal == SIGUSR1) {  // SLURM may send it to every process of a job, more than once
    requeue_count = 1;
    return;
  }
  volatile std::sig_atomic_t& count = signal == SIGINT ? interrupt_count : terminate_count;
  volatile double& first = first_at[signal == SIGINT ? 0 : 1];
  const int before = count;
  count = before + 1;
  if (before == 0) first = seconds();
  // A scheduler signals every process of a job, and a launcher passes its own on: the same wish, told twice.
  if (seconds() - first < same_wish) return;
  // The second one of a kind means it: the default action, now.
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

bool interrupted() noexcept { return interrupt_count > 0; }
bool terminated() noexcept { return terminate_count > 0 || requeue_count > 0; }
bool requeue_asked() noexcept { return requeue_count > 0; }
void clear() noexcept {
  interrupt_count = 0;
  terminate_count = 0;
  requeue_count = 0;
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
  if (std::getenv("SLURM_JOB_ID")) sigaction(SIGUSR1, &action, &former_usr1);
}

HandlerScope::~HandlerScope() {
  const std::lock_guard lock(mutex);
  if (--scopes > 0) return;
  sigaction(SIGINT, &former_int, nullptr);
  sigaction(SIGTERM, &former_term, nullptr);
  if (std::getenv("SLURM_JOB_ID")) sigaction(SIGUSR1, &former_usr1, nullptr);
}

}  // namespace levin::signals
