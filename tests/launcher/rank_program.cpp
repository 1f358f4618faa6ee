// A rank that goes wrong on demand, for test_faults.cpp and launcher_faults.cpp:
//   rank_program MODE VICTIM FOLDER [stubborn]
// All ranks beat and write their number and that of a child of theirs into FOLDER/pids. When all are there, rank VICTIM notes the
// time in FOLDER/failed and does MODE. `stubborn` ranks ignore SIGTERM.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/error_file.h"
#include "levin/framework/base/launch/heartbeat.h"
#include "levin/framework/base/launch/rank_handlers.h"

using namespace levin;

// Where the linker sees its name: it shall stand in the stack.
__attribute__((noinline, visibility("default"))) void write_nowhere(volatile int* where) { *where = 1; }

namespace {

int number(const char* name) {
  const char* const value = std::getenv(name);
  return value ? std::atoi(value) : 0;
}

// As levin's programs do: a SIGTERM is a wish to end, with 143.
volatile std::sig_atomic_t asked = 0;

void run_out_of_memory() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (32 << 20);
  ::setrlimit(RLIMIT_AS, &limit);
  for (std::vector<std::string> all;;) all.emplace_back(std::size_t{4} << 20, 'x');
}

const std::map<std::string, std::function<void()>> modes{
    {"kill", [] { ::kill(::getpid(), SIGKILL); }},
    {"throw", [] { throw ValueError("no such luck"); }},
    {"caught", [] {
       try {
         throw RuntimeError("caught at the end");
       } catch (const std::exception& error) {
         write_error_file(error);
         std::exit(1);
       }
     }},
    {"segv", [] { write_nowhere(nullptr); }},
    {"abort", [] { std::abort(); }},
    {"exit0", [] { ::_exit(0); }},
    {"exit3", [] { ::_exit(3); }},
    {"oom", run_out_of_memory},
    {"stop", [] { ::raise(SIGSTOP); for (;;) ::pause(); }},
    {"loop", [] { for (volatile bool forever = true; forever;) {} }},
    {"sleep", [] { for (;;) ::pause(); }},
    {"term", [] { ::raise(SIGTERM); }},
    {"nothing", [] {}},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string mode = argv[1], folder = argv[3];
  const bool stubborn = argc > 4 && std::string(argv[4]) == "stubborn";
  const int rank = number("RANK"), world = number("WORLD_SIZE");
  std::signal(SIGTERM, stubborn ? SIG_IGN : [](int) { asked = 1; });
  install_rank_handlers();
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGTERM, SIG_IGN);
    for (;;) ::pause();
  }
  std::ofstream(folder + "/pids", std::ios::app) << std::to_string(::getpid()) + "\n" + std::to_string(child) + "\n";
  std::ofstream(folder + "/ready" + std::to_string(rank));
  const heartbeat::Watched watched;
  const auto ready = [&] {
    for (int i = 0; i < world; ++i)
      if (!std::filesystem::exists(folder + "/ready" + std::to_string(i))) return false;
    return true;
  };
  bool done = false;
  while (!asked) {
    heartbeat::beat();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (done || rank != std::atoi(argv[2]) || !ready()) continue;
    std::ofstream(folder + "/failed") << std::to_string(real_clock().now()) << std::flush;
    modes.at(mode)();
    done = true;
  }
  return 143;
}
