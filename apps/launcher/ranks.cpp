#include "levin/apps/launcher/ranks.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "levin/framework/base/clock.h"

namespace levin::launcher {

bool Rank::signalled() const { return !running && WIFSIGNALED(status); }

int Rank::exit_code() const { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

Ranks::~Ranks() {
  kill_all();
  for (Rank& rank : ranks_)
    while (rank.running && ::waitpid(rank.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  clear_groups();
}

void Ranks::start(const std::vector<Program>& programs, const std::vector<RankFiles>& files, int first_rank) {
  ranks_.reserve(programs.size());
  std::vector<Spawned> spawned;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    Rank rank;
    rank.rank = first_rank + static_cast<int>(i);
    rank.local_rank = static_cast<int>(i);
    rank.files = files[i];
    rank.page = heartbeat::map(files[i].heartbeat);
    spawned.push_back(spawn(programs[i], mask_));
    rank.pid = spawned.back().pid;
    guardian_.enter(rank.pid);
    rank.running = true;
    rank.started = real_clock().now();
    ranks_.push_back(rank);
  }
  for (std::size_t i = 0; i < programs.size(); ++i) wait_running(spawned[i], programs[i]);
}

std::vector<Rank*> Ranks::reap() {
  std::vector<Rank*> out;
  for (Rank& rank : ranks_) {
    siginfo_t info{};
    // It stays a zombie, and so its number its own, until its group has been dealt with.
    if (!rank.running || ::waitid(P_PID, static_cast<id_t>(rank.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) continue;
    rank.running = false;
    rank.ended = real_clock().now();
    rank.status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
    rank.ended_at_work = rank.page && rank.page->watched > 0;
    out.push_back(&rank);
  }
  // Where several are found at once, one that a signal ended did not end for another's sake.
  std::stable_partition(out.begin(), out.end(), [](const Rank* rank) { return rank->signalled(); });
  return out;
}

bool Ranks::any_running() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.running; });
}

void Ranks::signal(int number) {
  for (Rank& rank : ranks_)
    if (rank.running) {
      rank.asked_to_end = true;
      ::kill(rank.pid, number);
      if (number != SIGUSR1 && number != SIGUSR2) ::kill(rank.pid, SIGCONT);  // one that is stopped could not obey
    }
}

void Ranks::kill(Rank& rank) {
  if (rank.running) rank.asked_to_end = true;
  ::kill(-rank.pid, SIGKILL);
}

void Ranks::kill_all() {
  for (Rank& rank : ranks_)
    if (rank.running) kill(rank);
}

void Ranks::clear_groups() {
  for (Rank& rank : ranks_) {
    if (std::exchange(rank.cleared, true)) continue;
    ::kill(-rank.pid, SIGKILL);
    guardian_.take_out(rank.pid);
    ::waitpid(rank.pid, nullptr, WNOHANG);
  }
  // Orphans in other groups of our session come to us (PR_SET_CHILD_SUBREAPER); those that made a session of their own mean to stay.
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  for (pid_t child; children >> child;)
    if (child != guardian_.pid() && ::getsid(child) == ::getsid(0)) ::kill(child, SIGKILL);
  for (siginfo_t info{}; ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 && info.si_pid != guardian_.pid(); info = {})
    ::waitpid(info.si_pid, nullptr, 0);
}

std::uint64_t Ranks::saves() const {
  std::uint64_t out = 0;
  for (const Rank& rank : ranks_)
    if (rank.page) out += rank.page->saves;
  return out;
}

bool Ranks::any_heartbeat() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.page && rank.page->beats > 0; });
}

}  // namespace levin::launcher
