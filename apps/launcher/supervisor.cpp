#include "levin/apps/launcher/supervisor.h"

#include <algorithm>
#include <csignal>

#include "levin/apps/launcher/command.h"
#include "levin/apps/launcher/environment.h"
#include "levin/apps/launcher/option_values.h"
#include "levin/apps/launcher/report.h"
#include "levin/framework/base/clock.h"
#include "levin/framework/base/console.h"

namespace levin::launcher {
namespace {

constexpr int asked_to_end = 128 + SIGTERM;
// What the kernel takes to end killed processes; one that waits for a broken device is left behind.
constexpr double kill_patience = 10;
// What ranks that fail for another's sake have to say it, before SIGTERM may cut them short. Part of the grace.
constexpr double settling = 1;

double now() { return real_clock().now(); }

}  // namespace

int Supervisor::run() {
  while (const auto world = rendezvous_.join(signals_)) {
    const Outcome outcome = attempt(*world);
    if (!rendezvous_.settle(outcome, signals_)) break;
  }
  logs_.finish(rendezvous_.exit_code() == 0);
  return rendezvous_.exit_code();
}

Outcome Supervisor::attempt(const World& world) {
  const auto files = logs_.round(world.round);
  std::vector<Program> programs;
  for (int i = 0; i < options_.nproc_per_node; ++i) {
    const RankFiles& f = files[static_cast<std::size_t>(i)];
    programs.push_back({with_local_rank(command_, i), merged_environment(rank_environment(options_, world, f, i)), f.out, f.err});
  }
  Tail tail(options_, world.first_rank, files, logs_.round_folder());
  Ranks ranks(guardian_, signals_.former_mask());
  ranks.start(programs, files, world.first_rank);
  Outcome outcome = watch(ranks, tail);
  const auto count = [&] {
    outcome.saves = ranks.saves();
    outcome.knows_saves = ranks.any_heartbeat();
  };
  count();
  rendezvous_.tell(outcome);
  stop(ranks, tail, outcome);
  count();
  return outcome;
}

// From the start to the first thing that ends a round.
Outcome Supervisor::watch(Ranks& ranks, Tail& tail) {
  HangWatch hangs(options_.hang_timeout, ranks.all().size());
  const double begin = now();
  bool said = options_.hang_timeout <= 0;
  for (;;) {
    signals_.wait(tick(tail), rendezvous_.fd());
    while (const auto signal = signals_.next())
      if (const auto outcome = obey(*signal, ranks)) return *outcome;
    for (Rank* rank : ranks.reap())
      if (rank->failed()) return failure(rank->signalled() ? *rank : first_failure(ranks.all(), *rank));  // several may have ended at once
    tail.pump();
    if (!ranks.any_running()) return {Ending::succeeded};
    if (const auto ending = rendezvous_.round_is_over(ranks.saves(), ranks.any_heartbeat())) return {*ending};
    if (Rank* const hung = hangs.look(ranks.all(), now())) return end_hang(*hung, ranks, hangs);
    if (!said && now() - begin > options_.hang_timeout) {
      said = true;
      if (!ranks.any_heartbeat()) rank_zero_warn("--hang-timeout has no effect: no rank shows signs of life (docs/launcher.md says how)");
    }
  }
}

double Supervisor::tick(const Tail& tail) const {
  double seconds = tail.empty() && options_.is_one_node() ? -1 : options_.monitor_interval;
  if (options_.hang_timeout > 0) {
    const double look = std::min(options_.monitor_interval, options_.hang_timeout / 20);
    seconds = seconds < 0 ? look : std::min(seconds, look);
  }
  return seconds;
}

std::optional<Outcome> Supervisor::obey(int signal, Ranks& ranks) {
  ranks.signal(signal);
  if (signal == SIGUSR1 || signal == SIGUSR2) {
    for (Rank& rank : ranks.all()) rank.asked_to_end = false;
    return {};
  }
  return Outcome{Ending::interrupted, 128 + signal, "the launcher got " + signal_name(signal)};
}

Outcome Supervisor::failure(Rank& rank) {
  if (rank.exit_code() == asked_to_end) {
    rank_zero_info("levin-run: rank " + std::to_string(rank.rank) + " was asked to end by SIGTERM, and did; the others have " +
                   std::to_string(static_cast<int>(options_.grace + 0.5)) + " s to do so too");
    return {Ending::preempted, asked_to_end, failure_line(rank)};
  }
  console_error(failure_text(rank));
  rank.told = true;
  return {Ending::failed, rank.exit_code() != 0 ? rank.exit_code() : 1, failure_line(rank)};
}

Outcome Supervisor::end_hang(Rank& hung, Ranks& ranks, const HangWatch& hangs) {
  // Those that wait for the one that hangs are silent, too. What is silent gets no time to end well: it does not react.
  std::vector<Rank*> silent;
  for (Rank& rank : ranks.all())
    if (&rank != &hung && rank.running && hangs.silence(rank, now()) >= options_.hang_timeout / 2) silent.push_back(&rank);
  const int seconds = static_cast<int>(hangs.silence(hung, now()) + 0.5);
  std::string text = "rank " + std::to_string(hung.rank) + " (pid " + std::to_string(hung.pid) + ") has shown no sign of life for " +
                     std::to_string(seconds) + " s (--hang-timeout): ";
  console_error(text + stacks_of(hung, silent));
  hung.hung = true;
  ranks.kill(hung);
  for (Rank* rank : silent) ranks.kill(*rank);
  return {Ending::failed, 128 + SIGKILL, text + "ended"};
}

void Supervisor::stop(Ranks& ranks, Tail& tail, const Outcome& outcome) {
  // A rank that saves because of a SIGTERM would take a second one for impatience.
  std::optional<double> ask_after;
  if (outcome.ending == Ending::failed) ask_after = std::min(settling, options_.grace / 2);
  if (outcome.ending == Ending::changed) ask_after = 0;
  if (!all_end_within(options_.grace, ranks, tail, ask_after)) {
    for (const Rank& rank : ranks.all())
      if (rank.running) rank_zero_info("levin-run: rank " + std::to_string(rank.rank) + " (pid " + std::to_string(rank.pid) + ") did not end in time and is killed");
    ranks.kill_all();
    all_end_within(kill_patience, ranks, tail);
  }
  ranks.clear_groups();
  tail.pump(true);
  const auto seen = std::find_if(ranks.all().begin(), ranks.all().end(), [](const Rank& rank) { return rank.told; });
  if (seen == ranks.all().end()) return;
  if (const Rank& first = first_failure(ranks.all(), *seen); !first.told) console_error("the first error was another: " + failure_text(first));
}

bool Supervisor::all_end_within(double seconds, Ranks& ranks, Tail& tail, std::optional<double> ask_after) {
  for (const double begin = now(), end = begin + seconds;;) {
    ranks.reap();
    tail.pump();
    if (!ranks.any_running()) return true;
    if (now() >= end) return false;
    if (ask_after && now() >= begin + *ask_after) {
      ranks.signal(SIGTERM);
      ask_after.reset();
    }
    signals_.wait(std::min(end - now(), 0.1));
    while (const auto signal = signals_.next())
      if (*signal != SIGUSR1 && *signal != SIGUSR2) return false;
  }
}

}  // namespace levin::launcher
