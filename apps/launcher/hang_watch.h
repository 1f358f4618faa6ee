#pragma once
#include <cstdint>
#include <vector>

#include "levin/apps/launcher/ranks.h"

namespace levin::launcher {

/// Knows how long each rank has been silent. Only ranks that have said that they are at work are looked at.
class HangWatch {
 public:
  /// `timeout` 0: nobody is ever hung.
  HangWatch(double timeout, std::size_t ranks) : timeout_(timeout), heard_(ranks) {}

  /// Looks at all heartbeats; to be called some times per timeout. The rank that has been silent the longest, if that is too long.
  Rank* look(std::vector<Rank>& ranks, double now);
  /// Seconds since the rank's last sign of life that `look` saw; 0 for one that is not watched.
  double silence(const Rank& rank, double now) const;

 private:
  struct Heard {
    std::uint64_t beats = 0;
    double at = -1;  // -1: not watched
  };
  double timeout_;
  std::vector<Heard> heard_;
};

/// Has a rank that hangs write the stacks of its threads, and gives them as text that says what kind of hang it is. Takes at most a
/// second. Other ranks that are silent, too, write theirs into their files.
std::string stacks_of(Rank& hung, const std::vector<Rank*>& others);

}  // namespace levin::launcher
