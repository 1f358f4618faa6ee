#pragma once
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "support/catch.h"

struct Ran {
  int exit_code;
  std::string output;  ///< stdout and stderr
};

/// Runs a line in a shell. A program that a signal ended has the shell's 128 + signal.
inline Ran run_program(const std::string& line) {
  FILE* pipe = ::popen((line + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  Ran out{0, ""};
  std::array<char, 4096> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.output.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}
