#pragma once
// Starting ranks and reading what they leave behind.
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
inline Ran run_ranks(const std::string& what, const std::string& folder, const std::string& variables = "", int seconds = 180) {
  return run_program(variables + " OMP_NUM_THREADS=1 timeout -k 1 " + std::to_string(seconds) + " " + ddp_program() + " " + what + " folder=" + folder);
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
