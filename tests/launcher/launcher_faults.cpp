// Jobs that go wrong under levin-run, again and again, and how long it takes until nothing of them is left:
//   launcher_faults failures COUNT [--room SECONDS]        a rank is killed, throws, crashes, leaves, runs out of memory
//   launcher_faults hangs COUNT [--room SECONDS]           a rank is stopped, loops or waits, with --hang-timeout 10
//   launcher_faults launcher_kills COUNT [--room SECONDS]  the launcher is killed
// Ends non-zero if a code or a message is wrong, a process is left, or the bar is passed by more than `room` (0): grace + 1 s in 99 of
// 100 failures, 15 s for a hang, 2 s after the launcher's end.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/launch/sockets.h"

using namespace levin;
namespace fs = std::filesystem;

namespace {

const std::string programs = fs::canonical("/proc/self/exe").parent_path();
int wrong = 0;

double now() { return real_clock().now(); }

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

struct Folder {
  std::string path = fs::temp_directory_path() / ("levin-faults-" + std::to_string(::getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
};

// Starts levin-run with these arguments, its output in FOLDER/output.
pid_t start(const Folder& folder, const std::vector<std::string>& flags, const std::vector<std::string>& rank_arguments) {
  std::vector<std::string> all{programs + "/levin-run"};
  all.insert(all.end(), flags.begin(), flags.end());
  all.push_back(programs + "/rank_program");
  all.insert(all.end(), rank_arguments.begin(), rank_arguments.end());
  std::vector<char*> pointers;
  for (auto& text : all) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int out = ::open((folder.path + "/output").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, 1), ::dup2(out, 2);
    ::setenv("OMP_NUM_THREADS", "1", 1);
    ::setenv("TMPDIR", folder.path.c_str(), 1);
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
  return child;
}

// Neither running nor stopped; a zombie that nobody buries is gone, too.
bool gone(int pid) {
  const std::string stat = content("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t at = stat.rfind(") ");
  return at == std::string::npos || stat[at + 2] == 'Z' || stat[at + 2] == 'X';
}

std::vector<int> pids(const Folder& folder) {
  std::ifstream file(folder.path + "/pids");
  std::vector<int> out;
  for (int pid; file >> pid;) out.push_back(pid);
  return out;
}

// The time at which all were gone, or -1.
double all_gone(const Folder& folder, double end) {
  for (;;) {
    const auto all = pids(folder);
    if (std::all_of(all.begin(), all.end(), gone)) return now();
    if (now() > end) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void complain(const std::string& what, const Folder& folder) {
  ++wrong;
  std::printf("WRONG: %s\n%s\n", what.c_str(), content(folder.path + "/output").c_str());
}

int exit_code(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void summary(const std::string& name, std::vector<double> times, double bar, double room) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) { return times[std::min(times.size() - 1, static_cast<std::size_t>(share * static_cast<double>(times.size())))]; };
  const double p99 = times.size() < 100 ? times.back() : at(0.99);
  std::printf("%-34s %4zu runs: median %.2f s, p99 %.2f s, longest %.2f s; bar %.1f s\n", name.c_str(), times.size(), at(0.5), p99, times.back(), bar);
  if (p99 > bar + room) ++wrong, std::printf("WRONG: too slow\n");
}

struct Mode {
  std::string name;
  int code;
  std::vector<std::string> said;  // in the output, besides the rank
};

// One job in which rank `victim` does `mode`; the seconds from there until nothing was left.
double run(const Mode& mode, int victim, int ranks, std::vector<std::string> flags, bool stubborn, double patience) {
  const Folder folder;
  flags.insert(flags.begin(), {"--standalone", "--nproc-per-node", std::to_string(ranks)});
  std::vector<std::string> arguments{mode.name, std::to_string(victim), folder.path};
  if (stubborn) arguments.push_back("stubborn");
  const pid_t launcher = start(folder, flags, arguments);
  const int code = exit_code(launcher);
  const double begin = std::atof(content(folder.path + "/failed").c_str()), end = all_gone(folder, now() + patience);
  const std::string output = content(folder.path + "/output");
  if (code != mode.code) complain(mode.name + ": exit code " + std::to_string(code) + " instead of " + std::to_string(mode.code), folder);
  if (end < 0) complain(mode.name + ": a process is left", folder);
  if (end - begin > patience / 2) std::printf("%s took %.1f s:\n%s\n", mode.name.c_str(), end - begin, output.c_str());
  if (output.find("rank " + std::to_string(victim) + " ") == std::string::npos) complain(mode.name + ": the rank is not named", folder);
  for (const auto& text : mode.said)
    if (output.find(text) == std::string::npos) complain(mode.name + ": it does not say '" + text + "'", folder);
  return end - begin;
}

void failures(int count, double room) {
  const std::vector<Mode> modes{{"kill", 137, {"SIGKILL"}},
                                {"throw", 134, {"SIGABRT", "ValueError: no such luck"}},
                                {"caught", 1, {"exit code 1", "RuntimeError: caught at the end"}},
                                {"segv", 139, {"SIGSEGV", "write_nowhere"}},
                                {"abort", 134, {"SIGABRT", "abort"}},
                                {"exit0", 1, {"exit code 0 in the midst of its work"}},
                                {"exit3", 3, {"exit code 3"}},
                                {"oom", 134, {"bad_alloc"}}};
  std::vector<double> polite, stubborn;
  for (int i = 0; i < count; ++i) {
    const Mode& mode = modes[static_cast<std::size_t>(i) % modes.size()];
    polite.push_back(run(mode, i % 3, 3, {"--grace", "5"}, false, 20));
    if (i % 4 == 0) stubborn.push_back(run(mode, i % 3, 3, {"--grace", "1"}, true, 20));
  }
  summary("failures, grace 5", polite, 6, room);
  summary("failures, ranks ignore SIGTERM, grace 1", stubborn, 2, room);
}

void hangs(int count, double room) {
  const std::vector<Mode> modes{{"stop", 137, {"it is stopped", "#0", "end of stacks", "main"}},
                                {"loop", 137, {"it is running", "#0", "end of stacks", "main"}},
                                {"sleep", 137, {"it is waiting", "#0", "end of stacks", "main"}}};
  std::vector<double> times;
  for (int i = 0; i < count; ++i)
    times.push_back(run(modes[static_cast<std::size_t>(i) % modes.size()], i % 2, 2, {"--hang-timeout", "10"}, false, 20));
  summary("hangs, --hang-timeout 10", times, 15, room);
}

void launcher_kills(int count, double room) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const Folder folder;
    // A port of our choice, to see that it is free again.
    std::uint16_t port;
    {
      const auto probe = sockets::listen_on("127.0.0.1", 0);
      port = sockets::port_of(probe.get());
    }
    const pid_t launcher = start(folder, {"--nproc-per-node", "4", "--master-port", std::to_string(port)}, {"nothing", "0", folder.path, "stubborn"});
    while (!fs::exists(folder.path + "/failed")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(i % 20));
    const double begin = now();
    ::kill(launcher, SIGKILL);
    exit_code(launcher);
    const double end = all_gone(folder, begin + 10 + room);
    if (end < 0) complain("a process is left", folder);
    else times.push_back(end - begin);
    try {
      sockets::listen_on("127.0.0.1", port);
    } catch (const std::exception& error) {
      complain(error.what(), folder);
    }
  }
  if (!times.empty()) summary("launcher killed", times, 2, room);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const int count = argc > 2 ? std::atoi(argv[2]) : 1;
  const double room = argc > 4 && std::string(argv[3]) == "--room" ? std::atof(argv[4]) : 0;
  if (what == "failures") failures(count, room);
  else if (what == "hangs") hangs(count, room);
  else if (what == "launcher_kills") launcher_kills(count, room);
  else return std::fprintf(stderr, "usage: launcher_faults failures|hangs|launcher_kills COUNT [--room SECONDS]\n"), 2;
  return wrong > 0 ? 1 : 0;
}
