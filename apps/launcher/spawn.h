#pragma once
#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace levin::launcher {

/// A program to start.
struct Program {
  std::vector<std::string> arguments;    ///< the first is its file
  std::vector<std::string> environment;  ///< "NAME=VALUE"
  std::string out, err;                  ///< files for stdout and stderr; "": this process's own
};

/// Starts a program as the leader of a process group of its own that dies with this process. A terminal is no input for it: as a
/// background group it would be stopped at the first read. `mask` is the signal mask that it gets. Throws OSError if it can't be
/// executed. Call it from the main thread: the system watches over the thread that starts.
pid_t spawn(const Program& program, const sigset_t& mask);

}  // namespace levin::launcher
