#pragma once
#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "levin/framework/base/launch/sockets.h"

namespace levin::launcher {

/// A program to start.
struct Program {
  std::vector<std::string> arguments;    ///< the first is its file
  std::vector<std::string> environment;  ///< "NAME=VALUE"
  std::string out, err;                  ///< files for stdout and stderr; "": this process's own
};

/// Starts a program as the leader of a process group of its own that dies with this process. A terminal is no input for it: as a
/// background group it would be stopped at the first read. `mask` is the signal mask that it gets. Call it from the main thread: the
/// system watches over the thread that starts.
struct Spawned {
  pid_t pid;
  sockets::Descriptor news;  ///< tells whether it could be executed
};
Spawned spawn(const Program& program, const sigset_t& mask);
/// Waits until the program runs; OSError if it can't be executed.
void wait_running(Spawned& spawned, const Program& program);

}  // namespace levin::launcher
