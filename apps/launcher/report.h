#pragma once
#include <string>
#include <vector>

#include "levin/apps/launcher/ranks.h"

namespace levin::launcher {

/// "rank 1 (local rank 1, pid 4711) was ended by SIGKILL (exit code 137) after 3.2 s ...", what its error file says, and the end of
/// its stderr if that went to a file.
std::string failure_text(const Rank& rank);
/// The same in one line, for other nodes.
std::string failure_line(const Rank& rank);

/// The rank whose error came first: not one that says it fails because of another; by the time at which its error file was written,
/// else by its end. `seen` is the one that was noticed first; ranks that failed after we asked them to end don't count, unless they had
/// written an error before.
Rank& first_failure(std::vector<Rank>& ranks, Rank& seen);

}  // namespace levin::launcher
