#include "levin/framework/base/launch/rank_handlers.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <mutex>
#include <new>

#include "levin/framework/base/launch/error_file.h"
#include "levin/framework/base/launch/error_text.h"
#include "levin/framework/base/launch/stack_text.h"

namespace levin {
namespace {

constexpr int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr int most_threads = 256;

// What the handlers use, taken in advance: a process that crashes can't be trusted to allocate.
struct Reserve {
  char stack[24 * 1024];
  ErrorText error;
  char rank[16];
  std::terminate_handler former_terminate;
};
Reserve* reserve = nullptr;

void write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string_view signal_text(int signal) noexcept {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV: memory that is not there was used (segmentation fault)";
    case SIGBUS: return "SIGBUS: memory that can't be had was used (bus error)";
    case SIGILL: return "SIGILL: illegal instruction";
    case SIGFPE: return "SIGFPE: arithmetic error";
    default: return "SIGABRT: aborted";
  }
}

void on_fatal_signal(int signal) {
  // The message first: should finding the stack fail too, that much is on the disk.
  const std::string_view what = signal_text(signal);
  reserve->error.fill(what, "", std::time(nullptr));
  const bool first = reserve->error.write_first();
  write_all(2, "Error: rank ");
  write_all(2, reserve->rank);
  write_all(2, ": ");
  write_all(2, what);
  write_all(2, "\n");
  const std::string_view stack(reserve->stack, write_stack_text(reserve->stack, sizeof reserve->stack));
  write_all(2, stack);
  if (first) {
    reserve->error.fill(what, stack, std::time(nullptr));
    reserve->error.write_again();
  }
  ::raise(signal);  // by SA_RESETHAND the default action, once this handler returns
}

void on_terminate() {
  if (const std::exception_ptr error = std::current_exception()) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      write_error_file(known);
    } catch (...) {
      write_error_file("an exception that is no std::exception", "");
    }
  }
  reserve->former_terminate();
  std::abort();
}

// One thread at a time writes its stack: the one whose number is in `turn`.
std::atomic<pid_t> turn{0};
std::atomic<int> stack_file{-1};

pid_t own_thread() noexcept { return static_cast<pid_t>(::syscall(SYS_gettid)); }

void write_own_stack(int fd) noexcept {
  char number[21];
  write_all(fd, "thread ");
  write_all(fd, decimal(own_thread(), number));
  write_all(fd, "\n");
  write_all(fd, {reserve->stack, write_stack_text(reserve->stack, sizeof reserve->stack)});
}

void pause_a_millisecond() noexcept {
  const timespec time{0, 1'000'000};
  ::nanosleep(&time, nullptr);
}

// A thread that blocks the signal or does not run is waited for only so long.
void let_thread_write(pid_t thread) noexcept {
  turn = thread;
  if (::syscall(SYS_tgkill, ::getpid(), thread, SIGUSR2) != 0) return;
  for (int i = 0; i < 50 && turn == thread; ++i) pause_a_millisecond();
}

// The threads of this process, read with the bare system call: opendir allocates.
int other_threads(pid_t* out) noexcept {
  const int folder = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return 0;
  int count = 0;
  alignas(dirent64) char buffer[4096];
  for (long n; (n = ::syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0;)
    for (long at = 0; at < n;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(buffer + at);
      const int thread = std::atoi(entry->d_name);
      if (thread > 0 && thread != own_thread() && count < most_threads) out[count++] = thread;
      at += entry->d_reclen;
    }
  ::close(folder);
  return count;
}

void on_stack_asked(int, siginfo_t* info, void*) {
  const int former_errno = errno;
  if (info->si_code == SI_TKILL && info->si_pid == ::getpid()) {  // from the thread below
    pid_t expected = own_thread();
    if (turn == expected) write_own_stack(stack_file);
    turn.compare_exchange_strong(expected, 0);
  } else if (int none = -1; stack_file.compare_exchange_strong(none, -2)) {
    const char* const path = std::getenv("LEVIN_STACK_FILE");
    const int file = path && *path ? ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    stack_file = file >= 0 ? file : 2;
    write_own_stack(stack_file);
    pid_t threads[most_threads];
    const int count = other_threads(threads);
    for (int i = 0; i < count; ++i) let_thread_write(threads[i]);
    turn = 0;
    write_all(stack_file, "end of stacks\n");
    if (file >= 0) ::close(file);
    stack_file = -1;
  }
  errno = former_errno;
}

bool is_free(int signal) noexcept {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

// So that a stack that ran over can be told of. Only for the calling thread, the main one.
void give_signals_a_stack() noexcept {
  constexpr std::size_t size = 128 * 1024;
  stack_t now{};
  if (::sigaltstack(nullptr, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return;
  stack_t own{};
  own.ss_sp = new (std::nothrow) char[size];
  own.ss_size = size;
  if (own.ss_sp) ::sigaltstack(&own, nullptr);
}

void install() {
  const auto given = [](const char* name) {
    const char* const value = std::getenv(name);
    return value && *value;
  };
  if (!given("TORCHELASTIC_ERROR_FILE") && !given("LEVIN_STACK_FILE")) return;
  reserve = new Reserve{};
  const char* const rank = std::getenv("RANK");
  std::strncpy(reserve->rank, rank ? rank : "0", sizeof reserve->rank - 1);
  prepare_stack_text();
  give_signals_a_stack();
  reserve->former_terminate = std::set_terminate(on_terminate);
  struct sigaction action {};
  action.sa_handler = on_fatal_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK);
  for (const int signal : fatal_signals)
    if (is_free(signal)) ::sigaction(signal, &action, nullptr);
  if (!is_free(SIGUSR2)) return;
  action.sa_sigaction = on_stack_asked;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigaction(SIGUSR2, &action, nullptr);
}

}  // namespace

void install_rank_handlers() {
  static std::once_flag once;
  std::call_once(once, install);
}

}  // namespace levin
