#pragma once
// Starting ranks and reading what they leave behind.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/run_program.h"
#include "support/temporary_folder.h"

inline std::string ddp_program() { return std::string(LEVIN_BINARY_DIR) + "/bin/ddp_program"; }

/// How many runs a long form takes: LEVIN_LONG, else `otherwise`.
inline int runs_or(int otherwise) {
  const char* given = std::getenv("LEVIN_LONG");
  return given ? std::atoi(given) : otherwise;
}

/// `ddp_program CASE ...`, which starts its other ranks itself. Ends a run that hangs after `seconds`, with 124: the runs here take some
/// seconds, on a machine that has other things to do a multiple of that.
inline std::string rank_line(const std::string& what, const std::string& folder, const std::string& variables = "", int seconds = 180) {
  return variables + " OMP_NUM_THREADS=1 timeout -k 1 " + std::to_string(seconds) + " " + ddp_program() + " " + what + " folder=" + folder;
}
inline Ran run_ranks(const std::string& what, const std::string& folder, const std::string& variables = "") {
  return run_program(rank_line(what, folder, variables));
}

/// The same under levin-run with three ranks.
inline std::string launcher_line(const std::string& flags, const std::string& what, const std::string& folder) {
  return "TMPDIR=" + folder + " OMP_NUM_THREADS=1 timeout -k 1 180 " + LEVIN_BINARY_DIR + "/bin/levin-run --standalone --nproc-per-node=3 " + flags + " " +
         ddp_program() + " " + what + " strategy=ddp folder=" + folder;
}

/// Waits until `done()`, a minute at most; whether it came to that.
template <class Condition>
bool comes(Condition&& done, std::chrono::seconds limit = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<double> numbers(const std::string& path) {
  std::ifstream file(path);
  std::vector<double> out;
  for (double n; file >> n;) out.push_back(n);
  return out;
}

inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  REQUIRE_FALSE(a.empty());
  double out = 0;
  for (std::size_t i = 0; i < a.size(); ++i) out = std::max(out, std::abs(a[i] - b[i]));
  return out;
}

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

inline pid_t pid_of(const std::string& folder, int rank) {
  const std::string file = folder + "/pid." + std::to_string(rank);
  REQUIRE(comes([&] { return std::filesystem::exists(file); }));
  return static_cast<pid_t>(numbers(file).at(0));
}

/// Runs ranks beside the test; ends with them, even if the test does not get that far.
class Job {
 public:
  explicit Job(const std::string& line) : thread_([this, line] { ran_ = run_program(line); }) {}
  ~Job() {
    if (thread_.joinable()) thread_.join();
  }
  const Ran& wait() {
    thread_.join();
    return ran_;
  }

 private:
  Ran ran_;
  std::thread thread_;
};

inline std::vector<std::string> files(const std::string& folder, const std::string& prefix) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with(prefix)) out.push_back(entry.path().filename().string());
  return out;
}

inline bool alive(pid_t pid) { return ::kill(pid, 0) == 0 && contents("/proc/" + std::to_string(pid) + "/stat").find(") Z") == std::string::npos; }
