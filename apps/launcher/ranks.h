#pragma once
#include <optional>
#include <string>
#include <vector>

#include "levin/apps/launcher/guardian.h"
#include "levin/apps/launcher/log_tree.h"
#include "levin/apps/launcher/spawn.h"
#include "levin/framework/base/launch/heartbeat.h"

namespace levin::launcher {

/// One rank's process on this machine.
struct Rank {
  int rank = 0, local_rank = 0;
  RankFiles files;
  heartbeat::Page* page = nullptr;
  pid_t pid = 0;
  bool running = false;
  bool cleared = false;      ///< its group is gone, and its number may be another's
  int status = 0;            ///< what `waitpid` gave, once it has ended
  double started = 0, ended = 0;  ///< by the steady clock
  bool ended_at_work = false;  ///< it left while it had said that it works
  bool asked_to_end = false;   ///< we sent it a signal before it ended
  bool hung = false;           ///< it was killed for its silence
  bool told = false;           ///< its failure has been printed

  bool signalled() const;      ///< it was ended by a signal
  int exit_code() const;       ///< 128 + signal as in a shell
  bool failed() const { return !running && (exit_code() != 0 || ended_at_work); }
};

/// The ranks of a round on this machine: started together, ended together.
class Ranks {
 public:
  /// `mask` is the signal mask for the ranks.
  Ranks(Guardian& guardian, const sigset_t& mask) : guardian_(guardian), mask_(mask) {}
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  /// Throws OSError if one can't be started; those that were are killed.
  void start(const std::vector<Program>& programs, const std::vector<RankFiles>& files, int first_rank);
  /// Takes note of those that have ended; gives them in that order, as far as can be known.
  std::vector<Rank*> reap();
  std::vector<Rank>& all() { return ranks_; }
  bool any_running() const;

  /// To the ranks themselves, not to what they have started.
  void signal(int number);
  /// SIGKILL to a rank and all that is in its group.
  void kill(Rank& rank);
  void kill_all();
  /// Ends what ranks that have ended left behind in their groups, and what they left to us.
  void clear_groups();
  /// Checkpoints that were made in this round.
  std::uint64_t saves() const;
  /// Whether some rank has shown by its heartbeat that levin is in it.
  bool any_heartbeat() const;

 private:
  Guardian& guardian_;
  sigset_t mask_;
  std::vector<Rank> ranks_;
};

}  // namespace levin::launcher
