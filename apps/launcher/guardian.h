#pragma once
#include <sys/types.h>

#include "levin/framework/base/launch/sockets.h"

namespace levin::launcher {

/// A small process that outlives the launcher just long enough to end what it started: when the launcher is gone, however that
/// happened, it kills the process groups that were entered and not taken out. It learns of it by the end of a pipe.
///
/// Ranks also die with the launcher by PR_SET_PDEATHSIG; the guardian is for what they have started in turn, and for programs that
/// have changed their user.
class Guardian {
 public:
  /// Forks: to be made before threads, sockets and ranks.
  Guardian();
  ~Guardian();
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  void enter(pid_t group) { tell(group); }
  void take_out(pid_t group) { tell(-group); }
  pid_t pid() const { return pid_; }

 private:
  void tell(pid_t group);
  sockets::Descriptor pipe_;
  pid_t pid_;
};

}  // namespace levin::launcher
