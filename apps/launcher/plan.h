#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace levin::launcher {

/// What a node says of itself: it writes this into the store, again and again.
struct Record {
  enum class Status { ready, running, succeeded, failed, preempted, left };
  std::string id;            ///< of this launcher, for as long as it lives
  std::uint64_t beat = 0;    ///< grows with every writing: a record that stands still is a node that is gone
  Status status = Status::ready;
  int round = 0;             ///< that it is ready for, or works in
  int local_world_size = 1;
  int node_rank = -1;        ///< for static nodes; -1: any
  std::string role = "default", address;
  int exit_code = 0;
  std::uint64_t saves = 0;
  bool knows_saves = false;
  std::string message = {};

  bool operator==(const Record&) const = default;
};

/// What the leader has decided: the node that hosts the store writes it, all others read it.
struct Plan {
  enum class Phase { gathering, running, closed };
  struct Member {
    std::string id;
    int first_rank, first_role_rank, role_world_size;
    bool operator==(const Member&) const = default;
  };
  Phase phase = Phase::gathering;
  int round = 0, restarts = 0, world_size = 0;
  std::vector<Member> members = {};  ///< of a running round, in the order of their ranks; the leader is the first
  int exit_code = 0;                 ///< of a closed job
  bool preempted = false;            ///< a rank was asked to end, and all others know: they end by themselves
  std::string reason = {};           ///< why this round, or the end

  bool operator==(const Plan&) const = default;
};

/// Texts of fixed layout, one field a line. Reading throws ValueError if the text is no such thing.
std::string to_text(const Record& record);
std::string to_text(const Plan& plan);
Record record_from(const std::string& text);
Plan plan_from(const std::string& text);

}  // namespace levin::launcher
