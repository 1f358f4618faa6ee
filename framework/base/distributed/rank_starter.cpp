#include "levin/framework/base/distributed/rank_starter.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "levin/framework/base/console.h"
#include "levin/framework/base/distributed/listener.h"
#include "levin/framework/base/errors.h"

extern char** environ;

namespace levin {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

/// How long this process has to end by itself after another rank failed, the others after this one did, or after all were asked to stop;
/// then what SIGTERM has to do.
constexpr auto own_grace = 10s, others_grace = 3s, stop_grace = 30s, term_grace = 2s;
constexpr int exit_interrupted = 130, exit_terminated = 143;

struct Child {
  pid_t pid;
  int rank;
  bool running = true;
};

// The ranks that this process has started. Never destroyed: they are waited for in the last of its functions.
struct Children {
  std::mutex mutex;
  std::vector<Child> all;
  bool leaving = false, threads_abandoned = false;

  // The exit code of a rank that has just ended, 0 if it is none or well; its name in `who`.
  int reap(std::string& who) {
    for (Child& child : all) {
      int status = 0;
      if (!child.running || waitpid(child.pid, &status, WNOHANG) != child.pid) continue;
      child.running = false;
      who = "rank " + std::to_string(child.rank) + " (pid " + std::to_string(child.pid) + ")";
      if (WIFSIGNALED(status)) {
        who += std::string(" was ended by signal ") + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
        return 128 + WTERMSIG(status);
      }
      who += " left with exit code " + std::to_string(WEXITSTATUS(status));
      if (WEXITSTATUS(status) != 0) return WEXITSTATUS(status);
    }
    return 0;
  }
  bool any() const {
    return std::any_of(all.begin(), all.end(), [](const Child& child) { return child.running; });
  }
  void signal(int number) const {
    for (const Child& child : all)
      if (child.running) kill(child.pid, number);
  }
};

Children& children() {
  static auto* const all = new Children;
  return *all;
}

// Waits until all have ended or the time is over; the first failure's exit code.
int wait_for_all(Children& ranks, SteadyClock::duration time) {
  int code = 0;
  const auto until = SteadyClock::now() + time;
  std::string who;
  while (true) {
    const int failed = ranks.reap(who);
    if (code == 0) code = failed;
    if (!ranks.any() || SteadyClock::now() > until) return code;
    std::this_thread::sleep_for(2ms);
  }
}

// Those that are on their way out have something to say; whoever is not by the end of `grace` is asked to end, and then made to.
void end_all(Children& ranks, SteadyClock::duration grace) {
  wait_for_all(ranks, grace);
  ranks.signal(SIGTERM);
  wait_for_all(ranks, term_grace);
  ranks.signal(SIGKILL);
  wait_for_all(ranks, 1s);
}

// The last of this process: `status` is what it exits with.
void at_exit(int status, void*) {
  Children& ranks = children();
  const std::lock_guard lock(ranks.mutex);
  if (std::exchange(ranks.leaving, true)) return;
  if (status == 0) {
    // They have as much left to do as this process had: nothing that needs it.
    status = wait_for_all(ranks, SteadyClock::duration::max() / 4);
    if (status == 0 && !ranks.threads_abandoned) return;
  } else {
    end_all(ranks, status == exit_terminated || status == exit_interrupted ? stop_grace : others_grace);
  }
  // A collective may be under way that nobody will finish; the end of its threads is not waited for.
  std::cout.flush();
  std::fflush(nullptr);
  _exit(status);
}

// Looks after the others while this process works.
void guard() {
  Children& ranks = children();
  while (true) {
    std::this_thread::sleep_for(50ms);
    std::string who;
    int code = 0;
    {
      const std::lock_guard lock(ranks.mutex);
      if (ranks.leaving || !ranks.any()) return;
      code = ranks.reap(who);
      if (code == 0 || code == exit_terminated || code == exit_interrupted) continue;
    }
    console_error(who + "; all ranks are ended");
    // This rank learns of it by the connection that is gone, and has more to say.
    std::this_thread::sleep_for(own_grace);
    const std::lock_guard lock(ranks.mutex);
    if (ranks.leaving) return;
    end_all(ranks, 0s);
    _exit(code);
  }
}

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> out;
  for (std::string word; std::getline(file, word, '\0');) out.push_back(word);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

using Place = std::vector<std::pair<std::string, std::string>>;

Place place_of(const ClusterEnvironment& e, int local_rank) {
  return {{"MASTER_ADDR", e.main_address}, {"MASTER_PORT", std::to_string(e.main_port)}, {"WORLD_SIZE", std::to_string(e.world_size)},
          {"RANK", std::to_string(e.node_rank * e.local_world_size + local_rank)}, {"LOCAL_RANK", std::to_string(local_rank)},
          {"LOCAL_WORLD_SIZE", std::to_string(e.local_world_size)}, {"NODE_RANK", std::to_string(e.node_rank)},
          {"LEVIN_STARTED_RANKS", "1"}};
}

// Before the program begins: the death of whoever started it is its own. Only calls that a child of a threaded process may make.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* variables, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  execve(program, arguments, variables);
  _exit(127);
}

pid_t start(const ClusterEnvironment& e, int local_rank) {
  std::vector<std::string> words = own_arguments(), variables;
  const Place place = place_of(e, local_rank);
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::none_of(place.begin(), place.end(), [&](const auto& variable) { return variable.first == name; })) variables.emplace_back(text);
  }
  for (const auto& [name, value] : place) variables.push_back(name + "=" + value);
  const std::vector<char*> arguments = pointers(words), environment = pointers(variables);
  const pid_t parent = getpid(), pid = fork();
  if (pid == 0) become("/proc/self/exe", arguments.data(), environment.data(), parent);
  if (pid < 0) throw OSError(std::string("can't start another rank: ") + std::strerror(errno));
  return pid;
}

}  // namespace

void start_ranks(ClusterEnvironment& environment) {
  Children& ranks = children();
  const std::lock_guard lock(ranks.mutex);
  if (environment.node_rank == 0) open_listener(environment);
  for (int local_rank = 1; local_rank < environment.local_world_size; ++local_rank)
    ranks.all.push_back({start(environment, local_rank), environment.node_rank * environment.local_world_size + local_rank});
  for (const auto& [name, value] : place_of(environment, 0)) setenv(name.c_str(), value.c_str(), 1);
  environment.name = "env";
  on_exit(at_exit, nullptr);
  std::thread(guard).detach();
}

void abandon_threads() noexcept {
  Children& ranks = children();
  const std::lock_guard lock(ranks.mutex);
  // Again, if ranks were started: what was registered last runs first, before objects that wait for their threads are destroyed.
  if (!std::exchange(ranks.threads_abandoned, true)) on_exit(at_exit, nullptr);
}

}  // namespace levin
