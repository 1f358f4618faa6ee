#pragma once
#include <cstdint>
#include <string>

namespace levin::launcher {

/// Whether a failed job is started again, and when.
class RestartPolicy {
 public:
  RestartPolicy(int max_restarts, int crash_loop_limit, double delay)
      : max_restarts_(max_restarts), crash_loop_limit_(crash_loop_limit), delay_(delay) {}

  struct Verdict {
    bool restart;
    double delay;     ///< seconds to wait first
    std::string why;  ///< why not; "" if no restart was asked for at all
  };
  /// An attempt has failed, in which `saves` checkpoints were made. `known`: the ranks can tell, levin is in them.
  ///
  /// The first restart comes at once, the next after `delay`, then twice that, up to a minute; a checkpoint begins the row anew.
  /// `crash_loop_limit` attempts in a row without a checkpoint end it: the next would fail where they did.
  Verdict failed(std::uint64_t saves, bool known);
  int restarts() const { return restarts_; }

 private:
  int max_restarts_, crash_loop_limit_;
  double delay_;
  int restarts_ = 0;
  int fruitless_ = 0;  // attempts in a row without a new checkpoint
};

}  // namespace levin::launcher
