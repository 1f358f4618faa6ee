#include "levin/apps/launcher/leader.h"

#include <algorithm>

namespace levin::launcher {
namespace {

std::string name_of(const Record& record) { return "node " + record.address; }

}  // namespace

Leader::Leader(const Options& options, std::string own_id)
    : options_(options),
      own_id_(std::move(own_id)),
      keep_alive_(options.conf("keep_alive_interval", 5) * options.conf("keep_alive_max_attempt", 3)),
      last_call_(options.conf("last_call_timeout", 30)),
      join_timeout_(options.conf("join_timeout", options.conf("timeout", 600))),
      policy_(options.max_restarts, options.crash_loop_limit, options.restart_delay) {}

bool Leader::alive(const Seen& seen, double now) const {
  return seen.record.status != Record::Status::left && now - seen.fresh < keep_alive_;
}

bool Leader::is_alone(double now) const {
  return std::none_of(nodes_.begin(), nodes_.end(), [&](const auto& i) { return i.first != own_id_ && alive(i.second, now); });
}

bool Leader::is_member(const std::string& id) const {
  return std::any_of(plan_.members.begin(), plan_.members.end(), [&](const auto& member) { return member.id == id; });
}

const Plan& Leader::update(const std::vector<Record>& records, double now) {
  for (const Record& record : records) {
    const auto [at, is_new] = nodes_.try_emplace(record.id);
    if (is_new || at->second.record.beat != record.beat) at->second = {record, now};
  }
  if (gathering_since_ < 0) gathering_since_ = now;
  const auto own = nodes_.find(own_id_);
  if (own != nodes_.end() && own->second.record.status == Record::Status::left && plan_.phase != Plan::Phase::closed)
    close(own->second.record.exit_code, name_of(own->second.record) + ", which leads, ends: " + own->second.record.message);
  if (plan_.phase == Plan::Phase::gathering) gather(now);
  else if (plan_.phase == Plan::Phase::running) run(now);
  return plan_;
}

void Leader::gather(double now) {
  std::vector<const Record*> ready;
  bool leads = false;
  for (const auto& [id, seen] : nodes_)
    if (alive(seen, now) && seen.record.status == Record::Status::ready && seen.record.round >= plan_.round) {
      ready.push_back(&seen.record);
      leads |= id == own_id_;
    }
  const auto found = static_cast<int>(ready.size());
  if (found < options_.min_nodes) enough_since_ = -1;
  else if (enough_since_ < 0) enough_since_ = now;
  if (leads && now >= earliest_ && complete(ready, now)) return begin(ready);
  if (now - gathering_since_ > join_timeout_)
    close(1, "only " + std::to_string(found) + " of at least " + std::to_string(options_.min_nodes) + " nodes came within " +
                 std::to_string(static_cast<int>(join_timeout_)) + " s (--rdzv-conf join_timeout)");
}

// All places taken; or enough, and either the last call is over or all that were there before and still live are there again.
bool Leader::complete(const std::vector<const Record*>& ready, double now) {
  const auto found = static_cast<int>(ready.size());
  if (found >= options_.max_nodes) return true;
  if (found < options_.min_nodes) return false;
  if (now - enough_since_ >= last_call_) return true;
  return !former_.empty() && std::all_of(former_.begin(), former_.end(), [&](const std::string& id) {
    const auto at = nodes_.find(id);
    return at == nodes_.end() || !alive(at->second, now) || std::any_of(ready.begin(), ready.end(), [&](const Record* r) { return r->id == id; });
  });
}

void Leader::begin(std::vector<const Record*> ready) {
  const auto former_place = [&](const Record* r) { return std::find(former_.begin(), former_.end(), r->id) - former_.begin(); };
  // The leader first; static nodes by their number, the others in their former order, new ones behind.
  std::stable_sort(ready.begin(), ready.end(), [&](const Record* a, const Record* b) {
    if ((a->id == own_id_) != (b->id == own_id_)) return a->id == own_id_;
    if (a->node_rank != b->node_rank) return a->node_rank < b->node_rank;
    if (former_place(a) != former_place(b)) return former_place(a) < former_place(b);
    return a->id < b->id;
  });
  if (static_cast<int>(ready.size()) > options_.max_nodes) ready.resize(static_cast<std::size_t>(options_.max_nodes));
  std::map<std::string, int> role_sizes, role_ranks;
  for (const Record* r : ready) role_sizes[r->role] += r->local_world_size;
  plan_.members.clear();
  plan_.world_size = 0;
  former_.clear();
  for (const Record* r : ready) {
    plan_.members.push_back({r->id, plan_.world_size, role_ranks[r->role], role_sizes[r->role]});
    plan_.world_size += r->local_world_size;
    role_ranks[r->role] += r->local_world_size;
    former_.push_back(r->id);
  }
  plan_.phase = Plan::Phase::running;
}

void Leader::run(double now) {
  bool all_succeeded = true, any_succeeded = false;
  const Record* failed = nullptr;
  for (const auto& member : plan_.members) {
    const Seen& seen = nodes_.at(member.id);
    const Record& r = seen.record;
    const bool of_this_round = r.round == plan_.round;
    if (of_this_round && r.status == Record::Status::preempted) {
      plan_.preempted = true;
      return close(r.exit_code, name_of(r) + ": " + r.message);
    }
    if (!alive(seen, now)) {
      const bool left = r.status == Record::Status::left;
      return next_round(now, 0, name_of(r) + (left ? " left: " + r.message : " has not been heard of for " + std::to_string(static_cast<int>(now - seen.fresh)) + " s"));
    }
    if (of_this_round && r.status == Record::Status::failed && !failed) failed = &r;
    // Ready again, without a word of this round: its launcher was cut off for a while.
    if (r.round > plan_.round) return next_round(now, 0, name_of(r) + " came back");
    const bool succeeded = of_this_round && r.status == Record::Status::succeeded;
    all_succeeded &= succeeded;
    any_succeeded |= succeeded;
  }
  if (failed) return after_failure(now, *failed);
  if (all_succeeded) return close(0, "all nodes have finished");
  if (any_succeeded || static_cast<int>(plan_.members.size()) >= options_.max_nodes) return;
  for (const auto& [id, seen] : nodes_)
    if (alive(seen, now) && seen.record.status == Record::Status::ready && !is_member(id)) return next_round(now, 0, name_of(seen.record) + " joins");
}

void Leader::after_failure(double now, const Record& failed) {
  const std::string what = name_of(failed) + ": " + failed.message;
  std::uint64_t saves = 0;
  bool known = false;
  for (const auto& member : plan_.members) {
    const Record& r = nodes_.at(member.id).record;
    if (r.round != plan_.round) continue;
    saves += r.saves;
    known |= r.knows_saves;
  }
  const auto verdict = policy_.failed(saves, known);
  if (!verdict.restart) return close(failed.exit_code, verdict.why.empty() ? what : what + "; " + verdict.why);
  plan_.restarts = policy_.restarts();
  next_round(now, verdict.delay, what);
}

void Leader::next_round(double now, double delay, const std::string& reason) {
  plan_.phase = Plan::Phase::gathering;
  ++plan_.round;
  plan_.members.clear();
  plan_.reason = reason;
  gathering_since_ = now;
  enough_since_ = -1;
  earliest_ = now + delay;
}

void Leader::close(int exit_code, const std::string& reason) {
  plan_.phase = Plan::Phase::closed;
  plan_.members.clear();
  plan_.exit_code = exit_code;
  plan_.reason = reason;
}

}  // namespace levin::launcher
