#pragma once
#include <map>
#include <string>
#include <vector>

#include "levin/apps/launcher/options.h"
#include "levin/apps/launcher/plan.h"
#include "levin/apps/launcher/restart_policy.h"

namespace levin::launcher {

/// Decides for all nodes: when a round begins and with whom, when it ends, whether another follows. No sockets, no clock: it is given
/// all nodes' records and the time, and says the plan. The node that hosts the store leads; it is rank 0's node in every round.
class Leader {
 public:
  Leader(const Options& options, std::string own_id);

  /// The plan, after these records at this moment (steady seconds).
  const Plan& update(const std::vector<Record>& records, double now);
  /// No other node is left that would read the plan.
  bool is_alone(double now) const;

 private:
  struct Seen {
    Record record;
    double fresh = 0;  // when its beat last grew
  };
  bool alive(const Seen& seen, double now) const;
  void gather(double now);
  void run(double now);
  bool complete(const std::vector<const Record*>& ready, double now);
  void begin(std::vector<const Record*> ready);
  void next_round(double now, double delay, const std::string& reason);
  void after_failure(double now, const Record& failed);
  void close(int exit_code, const std::string& reason);
  bool is_member(const std::string& id) const;

  const Options& options_;
  const std::string own_id_;
  const double keep_alive_, last_call_, join_timeout_;
  RestartPolicy policy_;
  std::map<std::string, Seen> nodes_;
  std::vector<std::string> former_;  // members of the round before
  Plan plan_;
  double gathering_since_ = -1;  // once the first record is there
  double enough_since_ = -1;     // the minimum of nodes is there
  double earliest_ = 0;          // a restart waits until then
};

}  // namespace levin::launcher
