#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "levin/apps/launcher/options.h"
#include "levin/apps/launcher/signal_queue.h"
#include "levin/apps/launcher/world.h"

namespace levin::launcher {

enum class Ending {
  succeeded,    ///< every rank here ended with 0
  failed,       ///< a rank failed
  preempted,    ///< a rank was asked to end by someone else, and did (143): not to be started again
  interrupted,  ///< the launcher was asked to end
  changed,      ///< the other nodes began a new round
};

/// What came of a round on this node.
struct Outcome {
  Ending ending;
  int exit_code = 0;
  std::string message = {};     ///< for the other nodes
  std::uint64_t saves = 0;      ///< checkpoints made here
  bool knows_saves = false;     ///< levin is in the ranks: 0 means none
};

/// How the nodes of a job agree on rounds: who takes part, what comes after a failure, when the job is over.
class Rendezvous {
 public:
  virtual ~Rendezvous();
  /// Waits for the next round. Nothing if the job is over instead.
  virtual std::optional<World> join(SignalQueue& signals) = 0;
  /// Becomes readable when `round_is_over` may have changed; -1: it never does.
  virtual int fd() const { return -1; }
  /// Whether the other nodes want this round to end: `changed`, or `preempted` if all ranks are about to end by themselves. Called some
  /// times a second; takes note of the checkpoints made here so far.
  virtual std::optional<Ending> round_is_over(std::uint64_t saves, bool knows_saves) {
    (void)saves, (void)knows_saves;
    return {};
  }
  /// Tells the other nodes at once that this round has ended here, before what still runs here is ended.
  virtual void tell(const Outcome& outcome) { (void)outcome; }
  /// Nothing runs here any more: waits for what follows, true for another round.
  virtual bool settle(const Outcome& outcome, SignalQueue& signals) = 0;
  /// Of the job, once it is over.
  virtual int exit_code() const = 0;
};

std::unique_ptr<Rendezvous> make_rendezvous(const Options& options);

}  // namespace levin::launcher
