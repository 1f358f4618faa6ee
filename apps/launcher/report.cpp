#include "levin/apps/launcher/report.h"

#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <deque>
#include <fstream>
#include <utility>

#include "levin/apps/launcher/option_values.h"
#include "levin/framework/base/clock.h"
#include "levin/framework/base/launch/error_file.h"
#include "levin/framework/base/launch/stack_text.h"

namespace levin::launcher {
namespace {

std::string indented(const std::string& text) {
  std::string out = "  ";
  for (const char c : text) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
  while (out.ends_with(' ') || out.ends_with('\n')) out.pop_back();
  return out;
}

std::string how_it_ended(const Rank& rank) {
  if (rank.hung) return "was ended because it hung";
  if (rank.signalled()) {
    const int number = rank.exit_code() - 128;
    return "was ended by " + signal_name(number) + (number == SIGKILL ? " (by hand, or because memory ran out: see dmesg)" : "");
  }
  if (rank.exit_code() == 0) return "ended with exit code 0 in the midst of its work";
  return "ended with exit code " + std::to_string(rank.exit_code());
}

// The last lines of a file that nobody saw on the console.
std::string end_of(const std::string& path) {
  std::ifstream file(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
    if (lines.size() > 10) lines.pop_front();
  }
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

// When the rank's error file was written, by the steady clock; -1 if there is none.
double error_time(const Rank& rank) {
  struct stat info {};
  if (rank.files.error.empty() || ::stat(rank.files.error.c_str(), &info) != 0) return -1;
  const double wall = static_cast<double>(info.st_mtim.tv_sec) + 1e-9 * static_cast<double>(info.st_mtim.tv_nsec);
  return real_clock().now() - (real_clock().wall() - wall);
}

}  // namespace

std::string failure_line(const Rank& rank) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f", rank.ended - rank.started);
  ErrorFile error;
  std::string out = "rank " + std::to_string(rank.rank) + " (local rank " + std::to_string(rank.local_rank) + ", pid " +
                    std::to_string(rank.pid) + ") " + how_it_ended(rank) + " after " + seconds + " s";
  if (read_error_file(rank.files.error, error)) out += ": " + error.message;
  return out;
}

std::string failure_text(const Rank& rank) {
  std::string out = failure_line(rank);
  ErrorFile error;
  if (read_error_file(rank.files.error, error) && !error.stack.empty() && error.stack != error.message)
    out += "\n" + indented(demangled(error.stack));
  if (!rank.files.err.empty() && rank.files.err != "/dev/null" && !rank.files.tee_err)
    if (const std::string lines = end_of(rank.files.err); !lines.empty()) out += "\n  " + rank.files.err + " ends with\n" + indented(lines);
  return out;
}

namespace {

// What a rank says that fails because another one has: its file is written within a tick of the file system's clock after the other's.
bool follows_another(const Rank& rank) {
  ErrorFile error;
  return read_error_file(rank.files.error, error) && error.message.starts_with("DistributedError: ");
}

}  // namespace

Rank& first_failure(std::vector<Rank>& ranks, Rank& seen) {
  const auto order = [](const Rank& rank) {
    const double written = error_time(rank);
    return std::pair(follows_another(rank), written >= 0 ? std::min(written, rank.ended) : rank.ended);
  };
  Rank* first = &seen;
  for (Rank& rank : ranks)
    if (&rank != &seen && rank.failed() && (error_time(rank) >= 0 || !rank.asked_to_end) && order(rank) < order(*first)) first = &rank;
  return *first;
}

}  // namespace levin::launcher
