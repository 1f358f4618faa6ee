#include "levin/apps/launcher/hang_watch.h"

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/launch/stack_text.h"

namespace levin::launcher {
namespace {

// "stopped", "running", ...: from the letter behind the name in /proc/PID/stat.
std::string process_state(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t at = line.rfind(") ");
  switch (at == std::string::npos ? ' ' : line[at + 2]) {
    case 'T': case 't': return "it is stopped";
    case 'R': return "it is running";
    case 'S': return "it is waiting";
    case 'D': return "it is waiting for a device or a file system";
    case 'Z': case 'X': return "it has ended";
    default: return "its state is not known";
  }
}

// The signal is taken as soon as the process runs again.
void ask_for_stacks(const Rank& rank) {
  ::kill(rank.pid, SIGUSR2);
  ::kill(rank.pid, SIGCONT);
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

}  // namespace

Rank* HangWatch::look(std::vector<Rank>& ranks, double now) {
  if (timeout_ <= 0) return nullptr;
  Rank* worst = nullptr;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    Rank& rank = ranks[i];
    Heard& heard = heard_[i];
    if (!rank.running || !rank.page || rank.page->watched == 0) {
      heard.at = -1;
      continue;
    }
    const std::uint64_t beats = rank.page->beats;
    if (heard.at < 0 || beats != heard.beats) heard = {beats, now};
    else if (now - heard.at >= timeout_ && (!worst || silence(rank, now) > silence(*worst, now))) worst = &rank;
  }
  return worst;
}

double HangWatch::silence(const Rank& rank, double now) const {
  const Heard& heard = heard_[static_cast<std::size_t>(rank.local_rank)];
  return heard.at < 0 ? 0 : now - heard.at;
}

std::string stacks_of(Rank& hung, const std::vector<Rank*>& others) {
  std::string out = process_state(hung.pid);
  ask_for_stacks(hung);
  for (const Rank* rank : others) ask_for_stacks(*rank);
  std::string stacks;
  for (const double end = real_clock().now() + 1; real_clock().now() < end && !stacks.ends_with("end of stacks\n");) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    stacks = read(hung.files.stack);
  }
  return out + (stacks.empty() ? "; it did not write its stacks" : "; its stacks:\n" + demangled(stacks));
}

}  // namespace levin::launcher
