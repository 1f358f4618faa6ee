#pragma once
#include "levin/framework/base/export.h"

namespace levin {

/// SIGINT, SIGTERM and, in a SLURM job, SIGUSR1 only set a flag; the loops read it at step boundaries. A second signal of the kind
/// ends the process at once, if it comes half a second or more after the first: sooner it is the same wish, told by scheduler and launcher.
/// The flags are the only process-wide state of levin.
namespace signals {

/// Ctrl-C arrived.
LEVIN_API bool interrupted() noexcept;
/// SIGTERM arrived, or SLURM's SIGUSR1.
LEVIN_API bool terminated() noexcept;
/// It was SIGUSR1, by which SLURM says that the job's time ends: it should be queued again.
LEVIN_API bool requeue_asked() noexcept;
/// Clears the flags.
LEVIN_API void clear() noexcept;

/// Installs the handlers while at least one exists, and puts the former ones back after the last.
class LEVIN_API HandlerScope {
 public:
  HandlerScope();
  ~HandlerScope();
  HandlerScope(const HandlerScope&) = delete;
  HandlerScope& operator=(const HandlerScope&) = delete;
};

}  // namespace signals
}  // namespace levin
