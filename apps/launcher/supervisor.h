#pragma once
#include "levin/apps/launcher/guardian.h"
#include "levin/apps/launcher/hang_watch.h"
#include "levin/apps/launcher/log_tree.h"
#include "levin/apps/launcher/options.h"
#include "levin/apps/launcher/ranks.h"
#include "levin/apps/launcher/rendezvous.h"
#include "levin/apps/launcher/signal_queue.h"
#include "levin/apps/launcher/tail.h"

namespace levin::launcher {

/// Runs a job on this node, from the first round to the last.
class Supervisor {
 public:
  /// `command` is what `command_line` gave.
  Supervisor(const Options& options, std::vector<std::string> command, Guardian& guardian, SignalQueue& signals, Rendezvous& rendezvous)
      : options_(options), command_(std::move(command)), guardian_(guardian), signals_(signals), rendezvous_(rendezvous), logs_(options) {}

  /// The exit code of the job: 0, the first failing rank's, 128 + signal.
  int run();

 private:
  Outcome attempt(const World& world);
  Outcome watch(Ranks& ranks, Tail& tail);
  /// Ends what still runs, as is due after `outcome`.
  void stop(Ranks& ranks, Tail& tail, const Outcome& outcome);
  /// Waits until all have ended, with SIGTERM to those that have not after `ask_after` seconds; false after `seconds`, or if the person
  /// in front has lost patience.
  bool all_end_within(double seconds, Ranks& ranks, Tail& tail, std::optional<double> ask_after = {});

  std::optional<Outcome> obey(int signal, Ranks& ranks);
  Outcome failure(Rank& rank);
  Outcome end_hang(Rank& hung, Ranks& ranks, const HangWatch& hangs);
  double tick(const Tail& tail) const;

  const Options& options_;
  const std::vector<std::string> command_;
  Guardian& guardian_;
  SignalQueue& signals_;
  Rendezvous& rendezvous_;
  LogTree logs_;
};

}  // namespace levin::launcher
