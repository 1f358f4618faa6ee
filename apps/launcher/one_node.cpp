#include "levin/apps/launcher/one_node.h"

#include <csignal>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin::launcher {
namespace {

std::string store_host(const Options& options) {
  const std::string& host = options.rdzv_endpoint.host;
  return host == "localhost" ? "127.0.0.1" : host;
}

}  // namespace

std::optional<int> ending_signal(SignalQueue& signals) {
  while (const auto number = signals.next())
    if (*number != SIGUSR1 && *number != SIGUSR2) return number;
  return {};
}

bool rest(double seconds, SignalQueue& signals, int& exit_code) {
  for (const double end = real_clock().now() + seconds; real_clock().now() < end;) {
    signals.wait(end - real_clock().now());
    if (const auto number = ending_signal(signals)) {
      exit_code = 128 + *number;
      return false;
    }
  }
  return true;
}

OneNode::OneNode(const Options& options)
    : options_(options),
      store_(store_host(options), options.rdzv_endpoint.port),
      policy_(options.max_restarts, options.crash_loop_limit, options.restart_delay) {}

std::optional<World> OneNode::join(SignalQueue& signals) {
  if (!rest(delay_, signals, exit_code_)) return {};
  if (round_ > 0) store_.forget_ranks();
  World world;
  world.round = round_++;
  world.restart_count = policy_.restarts();
  world.world_size = world.role_world_size = options_.nproc_per_node;
  world.master_addr = store_.host();
  world.master_port = store_.port();
  return world;
}

bool OneNode::settle(const Outcome& outcome, SignalQueue&) {
  exit_code_ = outcome.exit_code;
  if (outcome.ending != Ending::failed) return false;
  const auto verdict = policy_.failed(outcome.saves, outcome.knows_saves);
  if (!verdict.why.empty()) rank_zero_info("levin-run: " + verdict.why);
  if (!verdict.restart) return false;
  delay_ = verdict.delay;
  rank_zero_info("levin-run: restart " + std::to_string(policy_.restarts()) + " of " + std::to_string(options_.max_restarts) +
                 (delay_ > 0 ? " in " + python_repr(delay_) + " s" : ""));
  return true;
}

}  // namespace levin::launcher
