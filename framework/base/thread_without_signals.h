#pragma once
#include <csignal>
#include <thread>
#include <utility>

namespace levin {

/// A thread that no signal is delivered to: they are for the threads that were there before.
template <class F>
std::thread thread_without_signals(F&& body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::forward<F>(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace levin
