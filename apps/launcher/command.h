#pragma once
#include <string>
#include <vector>

#include "levin/apps/launcher/options.h"

namespace levin::launcher {

/// What is executed: program and arguments, the program with its path.
///
/// `-m NAME` and a file that ends in ".py" run with Python, unbuffered: $PYTHON_EXEC, else python3 of the PATH. Any other file that
/// can be executed runs as it is, one that can't is Python's. A bare name that is no file here is looked for in the PATH. With
/// `--no-python` whatever is given runs as it is. Throws `CannotRun`.
std::vector<std::string> command_line(const Options& options);

/// The arguments with `${local_rank}` (and `$local_rank`) replaced.
std::vector<std::string> with_local_rank(const std::vector<std::string>& arguments, int local_rank);

/// A shell's exit codes: 127 for what is not there, 126 for what can't be executed.
struct CannotRun {
  std::string message;
  int exit_code;
};

}  // namespace levin::launcher
