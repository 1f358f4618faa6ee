#pragma once
#include <signal.h>

#include <optional>
#include <vector>

#include "levin/framework/base/launch/sockets.h"

namespace levin::launcher {

/// Signals as events: those that were asked for, and SIGCHLD, no longer interrupt anything but wait here. Made before any thread, so
/// that all threads leave them alone.
class SignalQueue {
 public:
  explicit SignalQueue(const std::vector<int>& numbers);
  ~SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;

  /// Waits until a signal comes, `other` can be read (-1: no such thing) or `seconds` are over (negative: never).
  void wait(double seconds, int other = -1);
  /// The next signal other than SIGCHLD.
  std::optional<int> next();
  /// The signal mask before.
  const sigset_t& former_mask() const { return former_; }

 private:
  sigset_t former_{};
  sockets::Descriptor fd_;
};

}  // namespace levin::launcher
