#include "levin/apps/launcher/many_nodes.h"

#include <algorithm>

#include "levin/apps/launcher/one_node.h"
#include "levin/apps/launcher/option_values.h"
#include "levin/framework/base/clock.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin::launcher {
namespace {

void say(const std::string& text) { rank_zero_info("levin-run: " + text); }

std::string host_of(const Options& options) {
  return options.rdzv_endpoint.host == "localhost" ? "127.0.0.1" : options.rdzv_endpoint.host;
}

// A name that can't be found yet is not this machine's.
bool is_host(const Options& options) {
  if (options.is_static()) return options.node_rank == 0;
  if (const auto given = options.rdzv_conf.find("is_host"); given != options.rdzv_conf.end())
    return given->second == "1" || given->second == "true" || given->second == "True";
  try {
    return sockets::is_here(host_of(options));
  } catch (const OSError&) {
    return false;
  }
}

// Two launchers of a job may be on one machine: the second finds the port taken, and is a guest.
std::unique_ptr<store::Server> host_store(const Options& options) {
  if (!is_host(options)) return nullptr;
  const bool must = options.is_static() || options.rdzv_conf.contains("is_host");
  try {
    return std::make_unique<store::Server>(host_of(options), options.rdzv_endpoint.port);
  } catch (const OSError&) {
    if (must) throw;
    return nullptr;
  }
}

Record::Status status_of(Ending ending) {
  switch (ending) {
    case Ending::succeeded: return Record::Status::succeeded;
    case Ending::preempted: return Record::Status::preempted;
    case Ending::interrupted: return Record::Status::left;
    default: return Record::Status::failed;
  }
}

}  // namespace

ManyNodes::ManyNodes(const Options& options)
    : options_(options), server_(host_store(options)), session_(std::make_unique<Session>(options, server_.get())) {}

bool ManyNodes::over(int exit_code, const std::string& why) {
  exit_code_ = exit_code;
  if (!why.empty()) say(why);
  return false;
}

bool ManyNodes::wait(SignalQueue& signals) {
  signals.wait(options_.monitor_interval, session_->fd());
  session_->clear_event();
  const auto number = ending_signal(signals);
  if (!number) return true;
  session_->change([&](Record& record) {
    record.status = Record::Status::left;
    record.exit_code = 128 + *number;
    record.message = "the launcher got " + signal_name(*number);
  });
  session_->wait_written(1);
  return over(128 + *number, "");
}

// What a lost store means: false if the job is over for this node.
bool ManyNodes::link_allows_more() {
  const auto link = session_->link();
  if (link == Session::Link::gone)
    return over(1, "the launcher at " + options_.rdzv_endpoint.host + " that leads the job has ended without a word (" + session_->link_error() + ")");
  if (link != Session::Link::cut) return true;
  say("no word from the store at " + options_.rdzv_endpoint.host + " (" + session_->link_error() + "); trying to join again");
  session_ = std::make_unique<Session>(options_, server_.get());
  return true;
}

std::optional<World> ManyNodes::join(SignalQueue& signals) {
  const double end = real_clock().now() + options_.conf("join_timeout", options_.conf("timeout", 600));
  session_->change([&](Record& record) {
    record.status = Record::Status::ready;
    record.round = round_ + 1;
    record.message.clear();
  });
  for (;;) {
    if (!link_allows_more()) return {};
    const auto plan = session_->plan();
    const bool running = plan && plan->phase == Plan::Phase::running;
    if (plan && plan->phase == Plan::Phase::closed) return over(plan->exit_code, plan->reason), std::nullopt;
    const int wanted = session_->record().round;
    if (running && plan->round >= wanted) {
      for (const auto& member : plan->members)
        if (member.id == session_->id()) return enter(*plan, member);
    }
    if (const int next = plan ? plan->round + (running ? 1 : 0) : 0; next > wanted) session_->change([&](Record& record) { record.round = next; });
    if (!plan && real_clock().now() > end) {
      over(1, "the store at " + options_.rdzv_endpoint.host + ":" + std::to_string(options_.rdzv_endpoint.port) + " can't be reached: " + session_->link_error());
      return {};
    }
    if (!wait(signals)) return {};
  }
}

World ManyNodes::enter(const Plan& plan, const Plan::Member& member) {
  World world;
  world.round = plan.round;
  world.restart_count = plan.restarts;
  world.group_rank = static_cast<int>(&member - plan.members.data());
  world.group_world_size = static_cast<int>(plan.members.size());
  world.first_rank = member.first_rank;
  world.world_size = plan.world_size;
  world.first_role_rank = member.first_role_rank;
  world.role_world_size = member.role_world_size;
  world.master_addr = host_of(options_);
  world.master_port = server_ ? server_->port() : options_.rdzv_endpoint.port;
  round_ = plan.round;
  session_->change([&](Record& record) {
    record.status = Record::Status::running;
    record.round = plan.round;
  });
  return world;
}

std::optional<Ending> ManyNodes::round_is_over(std::uint64_t saves, bool knows_saves) {
  session_->clear_event();
  if (const Record record = session_->record(); record.saves != saves || record.knows_saves != knows_saves)
    session_->change([&](Record& r) { r.saves = saves, r.knows_saves = knows_saves; });
  const auto link = session_->link();
  if (link == Session::Link::cut || link == Session::Link::gone) return Ending::changed;
  const auto plan = session_->plan();
  if (!plan || (plan->round == round_ && plan->phase == Plan::Phase::running)) return {};
  if (plan->phase == Plan::Phase::gathering) say("a new round begins: " + plan->reason);
  return plan->phase == Plan::Phase::closed && plan->preempted ? Ending::preempted : Ending::changed;
}

void ManyNodes::tell(const Outcome& outcome) {
  // What the others began they know.
  if (outcome.ending == Ending::changed || (outcome.ending == Ending::preempted && outcome.message.empty())) return;
  session_->change([&](Record& record) {
    record.status = status_of(outcome.ending);
    record.exit_code = outcome.exit_code;
    record.message = outcome.message;
    record.saves = outcome.saves;
    record.knows_saves = outcome.knows_saves;
  });
}

bool ManyNodes::settle(const Outcome& outcome, SignalQueue& signals) {
  exit_code_ = outcome.exit_code;
  if (outcome.ending == Ending::interrupted) {
    session_->wait_written(1);
    return false;
  }
  for (;;) {
    const auto plan = session_->plan();
    if (plan && plan->phase == Plan::Phase::closed) return over(outcome.exit_code != 0 ? outcome.exit_code : plan->exit_code, plan->reason);
    if (outcome.ending == Ending::changed || (plan && plan->round > round_)) return link_allows_more();
    const auto link = session_->link();
    if (link == Session::Link::gone || link == Session::Link::cut) return link_allows_more();
    if (!wait(signals)) return false;
  }
}

}  // namespace levin::launcher
