#include "levin/apps/launcher/plan.h"

#include <algorithm>

#include "levin/apps/launcher/option_values.h"
#include "levin/framework/base/errors.h"

namespace levin::launcher {
namespace {

// A field is a line: what would break it becomes a blank.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, 2000);
}

class Lines {
 public:
  explicit Lines(const std::string& text, const char* kind) : lines_(split(text, '\n')), kind_(kind) {
    if (next() != kind_) bad();
  }
  const std::string& next() {
    if (at_ == lines_.size()) bad();
    return lines_[at_++];
  }
  int number(int least = 0, int most = most_int) { return to_int(next(), kind_, least, most); }
  std::uint64_t large() {
    const std::string& text = next();
    if (text.empty() || text.size() > 19 || text.find_first_not_of("0123456789") != std::string::npos) bad();
    return std::stoull(text);
  }
  [[noreturn]] void bad() const {
    throw ValueError("the store holds something else than levin-run's " + kind_ + ": all nodes must be started by the same version of levin-run");
  }

 private:
  std::vector<std::string> lines_;
  std::string kind_;
  std::size_t at_ = 0;
};

constexpr const char* record_kind = "levin-run node 1";
constexpr const char* plan_kind = "levin-run plan 1";

}  // namespace

std::string to_text(const Record& r) {
  std::string out = record_kind;
  for (const std::string& field :
       {r.id, std::to_string(r.beat), std::to_string(static_cast<int>(r.status)), std::to_string(r.round), std::to_string(r.local_world_size),
        std::to_string(r.node_rank), r.role, r.address, std::to_string(r.exit_code), std::to_string(r.saves),
        std::to_string(static_cast<int>(r.knows_saves)), r.message})
    out += "\n" + one_line(field);
  return out;
}

Record record_from(const std::string& text) {
  Lines in(text, record_kind);
  Record r;
  r.id = in.next();
  r.beat = in.large();
  r.status = static_cast<Record::Status>(in.number(0, static_cast<int>(Record::Status::left)));
  r.round = in.number();
  r.local_world_size = in.number(1);
  r.node_rank = in.number(-1);
  r.role = in.next();
  r.address = in.next();
  r.exit_code = in.number();
  r.saves = in.large();
  r.knows_saves = in.number(0, 1) != 0;
  r.message = in.next();
  return r;
}

std::string to_text(const Plan& p) {
  std::string out = plan_kind;
  const auto add = [&](const std::string& field) { out += "\n" + one_line(field); };
  for (const int number : {static_cast<int>(p.phase), p.round, p.restarts, p.world_size, p.exit_code, static_cast<int>(p.preempted)}) add(std::to_string(number));
  add(p.reason);
  add(std::to_string(p.members.size()));
  for (const auto& member : p.members) {
    add(member.id);
    for (const int number : {member.first_rank, member.first_role_rank, member.role_world_size}) add(std::to_string(number));
  }
  return out;
}

Plan plan_from(const std::string& text) {
  Lines in(text, plan_kind);
  Plan p;
  p.phase = static_cast<Plan::Phase>(in.number(0, static_cast<int>(Plan::Phase::closed)));
  p.round = in.number();
  p.restarts = in.number();
  p.world_size = in.number();
  p.exit_code = in.number();
  p.preempted = in.number(0, 1) != 0;
  p.reason = in.next();
  for (int n = in.number(0, 1'000'000); n > 0; --n) {
    Plan::Member member{in.next(), 0, 0, 0};
    member.first_rank = in.number();
    member.first_role_rank = in.number();
    member.role_world_size = in.number();
    p.members.push_back(member);
  }
  return p;
}

}  // namespace levin::launcher
