#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/terminal.h"
#include "support/catch.h"

using namespace levin;

namespace {

using Lines = std::vector<std::string>;

// A screen of 20 columns fed by what was written, one message per write.
class Screen {
 public:
  Screen() { REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_) == 0); }
  ~Screen() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  int fd() const { return ends_[0]; }

  /// Takes what was written since the last call; returns in how many writes.
  int take() {
    int writes = 0;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(ends_[1], buffer, sizeof buffer, MSG_DONTWAIT)) > 0; ++writes)
      feed(std::string(buffer, static_cast<std::size_t>(n)));
    return writes;
  }
  Lines lines() const {
    Lines out = lines_;
    while (!out.empty() && out.back().empty()) out.pop_back();
    return out;
  }
  std::pair<std::size_t, std::size_t> cursor() const { return {row_, column_}; }

 private:
  void feed(const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\r') column_ = 0;
      else if (text[i] == '\n') ++row_;
      else if (text.compare(i, 3, "\x1b[A") == 0) row_ -= row_ > 0, i += 2;
      else if (text.compare(i, 4, "\x1b[2K") == 0) line().clear(), i += 3;
      else put(text[i]);
    }
  }
  void put(char c) {
    REQUIRE(c >= ' ');
    REQUIRE(column_ < 20);
    line().resize(std::max(line().size(), column_ + 1), ' ');
    line()[column_++] = c;
  }
  std::string& line() {
    if (lines_.size() <= row_) lines_.resize(row_ + 1);
    return lines_[row_];
  }

  int ends_[2];
  Lines lines_;
  std::size_t row_ = 0, column_ = 0;
};

// The environment's variable as `value` (nullptr: unset) for as long as this lives.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Environment() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

struct PseudoTerminal {
  PseudoTerminal() {
    master = ::posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(master >= 0);
    REQUIRE(::grantpt(master) == 0);
    REQUIRE(::unlockpt(master) == 0);
    slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
    REQUIRE(slave >= 0);
  }
  ~PseudoTerminal() {
    ::close(slave);
    ::close(master);
  }
  int master, slave;
};

}  // namespace

TEST_CASE("drawing rewrites the same lines, each time with one write") {
  Screen screen;
  ProgressDisplay display(screen.fd());
  display.draw({"train 1/3"});
  CHECK(screen.take() == 1);
  CHECK(screen.lines() == Lines{"train 1/3"});
  display.draw({"train 1/3", "validation 9/10"});
  CHECK(screen.take() == 1);
  CHECK(screen.lines() == Lines{"train 1/3", "validation 9/10"});
  display.draw({"train 2/3", "val 10/10"});
  CHECK(screen.take() == 1);
  CHECK(screen.lines() == Lines{"train 2/3", "val 10/10"});
  display.draw({"t 3/3"});
  CHECK(screen.take() == 1);
  CHECK(screen.lines() == Lines{"t 3/3"});
  display.draw({"t 3/3", "again"});
  screen.take();
  CHECK(screen.lines() == Lines{"t 3/3", "again"});
}

TEST_CASE("clearing leaves nothing and the cursor where the lines began") {
  Screen screen;
  ProgressDisplay display(screen.fd());
  display.clear();
  CHECK(screen.take() == 0);
  display.draw({"train", "validation"});
  display.clear();
  CHECK(screen.take() == 2);
  CHECK(screen.lines().empty());
  CHECK(screen.cursor() == std::pair<std::size_t, std::size_t>(0, 0));
  display.draw({"train"});
  display.draw({});
  screen.take();
  CHECK(screen.lines().empty());
}

TEST_CASE("finishing lets the first line stand above a fresh line") {
  const Lines shown[] = {{"train 3/3"}, {"train 3/3", "validation"}, {"01234567890123456789", "x"}};
  for (const Lines& lines : shown) {
    Screen screen;
    ProgressDisplay display(screen.fd());
    display.draw(lines);
    display.finish();
    CHECK(screen.take() == 2);
    CHECK(screen.lines() == Lines{lines[0]});
    CHECK(screen.cursor() == std::pair<std::size_t, std::size_t>(1, 0));
    display.finish();
    CHECK(screen.take() == 0);
    display.draw({"next"});
    screen.take();
    CHECK(screen.lines() == Lines{lines[0], "next"});
  }
}

TEST_CASE("a display that goes away leaves its first line and a fresh one") {
  Screen screen;
  { ProgressDisplay(screen.fd()).draw({"train", "validation"}); }
  { ProgressDisplay idle(screen.fd()); }
  CHECK(screen.take() == 2);
  CHECK(screen.lines() == Lines{"train"});
  CHECK(screen.cursor() == std::pair<std::size_t, std::size_t>(1, 0));
}

TEST_CASE("a display whose output is gone goes on without it") {
  const int gone = ::open("/dev/full", O_WRONLY);
  REQUIRE(gone >= 0);
  ProgressDisplay display(gone);
  CHECK_NOTHROW(display.draw({"train"}));
  CHECK_NOTHROW(display.finish());
  ::close(gone);
}

TEST_CASE("a pseudo-terminal is a terminal unless it is dumb, a pipe is none") {
  PseudoTerminal terminal;
  Environment kind("TERM", "xterm");
  CHECK(is_terminal(terminal.slave));
  {
    Environment dumb("TERM", "dumb");
    CHECK_FALSE(is_terminal(terminal.slave));
  }
  Screen screen;
  CHECK_FALSE(is_terminal(screen.fd()));
  CHECK_FALSE(is_terminal(-1));
}

TEST_CASE("the width is the terminal's, else COLUMNS, else the fallback") {
  PseudoTerminal terminal;
  const winsize size{30, 133, 0, 0};
  REQUIRE(::ioctl(terminal.slave, TIOCSWINSZ, &size) == 0);
  struct {
    const char* columns;
    int expected;
  } const cases[] = {{"61", 61}, {nullptr, 80}, {"", 80}, {"0", 80}, {"-3", 80}, {"12x", 80}, {"99999999999", 80}};
  for (const auto& c : cases) {
    INFO("COLUMNS " << (c.columns ? c.columns : "unset"));
    Environment columns("COLUMNS", c.columns);
    CHECK(terminal_columns(terminal.slave) == 133);
    CHECK(terminal_columns(-1) == c.expected);
  }
  Environment columns("COLUMNS", nullptr);
  CHECK(terminal_columns(-1, 120) == 120);
}
