// std::cout and std::cerr while a live line is at the terminal's end.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/base/console.h"
#include "levin/framework/base/terminal_streams.h"
#include "support/catch.h"

using namespace levin;

namespace {

// stdout or stderr as a pseudo-terminal, whose text can be read.
class Terminal {
 public:
  explicit Terminal(int fd) : fd_(fd), before_(::dup(fd)) {
    ::setenv("TERM", "xterm", 1);
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    slave_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    std::fflush(stdout);
    ::dup2(slave_, fd);
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    std::fflush(stdout);
    ::dup2(before_, fd_);
    for (const int fd : {before_, slave_, master_}) ::close(fd);
  }
  std::string take() const {
    std::fflush(stdout);
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = ::read(master_, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    return out;
  }

 private:
  int fd_, before_, master_, slave_;
};

// A live line that shows itself as "[bar]" and hides itself as "<".
class Bar : public LiveLine {
 public:
  explicit Bar(int fd) : fd_(fd) { set_live_line(this); }
  ~Bar() override { set_live_line(nullptr); }
  void hide() override { put("<"); }
  void show() override { put("[bar]"); }

 private:
  void put(const char* text) const { REQUIRE(::write(fd_, text, std::strlen(text)) > 0); }
  int fd_;
};

}  // namespace

TEST_CASE("whole lines come between hiding and showing the live line, parts of lines wait for the rest") {
  const Terminal terminal(STDOUT_FILENO);
  const Bar bar(STDOUT_FILENO);
  std::string text;
  {
    const TerminalStreams streams;
    std::cout << "a" << 1 << std::flush;
    CHECK(terminal.take() == "");
    std::cout << " b\nc\nd";
    CHECK(terminal.take() == "<a1 b\r\nc\r\n[bar]");
    std::cout << std::endl;
    CHECK(terminal.take() == "<d\r\n[bar]");
    std::cout << "no end";
  }
  CHECK(terminal.take() == "<no end[bar]");
  std::cout << "past it\n" << std::flush;
  CHECK(terminal.take() == "past it\r\n");
}

TEST_CASE("std::cerr and std::clog are treated alike where they go to a terminal") {
  const Terminal terminal(STDERR_FILENO);
  const Bar bar(STDERR_FILENO);
  const TerminalStreams streams;
  std::cerr << "error " << 5 << "\n";
  CHECK(terminal.take() == "<error 5\r\n[bar]");
  std::clog << "log\n";
  CHECK(terminal.take() == "<log\r\n[bar]");
}

TEST_CASE("lines of several threads stay whole") {
  const Terminal terminal(STDOUT_FILENO);
  const Bar bar(STDOUT_FILENO);
  const TerminalStreams streams;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] { for (int k = 0; k < 20; ++k) std::cout << "a whole line\n"; });
  for (auto& thread : threads) thread.join();
  std::string expected;
  for (int i = 0; i < 80; ++i) expected += "<a whole line\r\n[bar]";
  CHECK(terminal.take() == expected);
}
