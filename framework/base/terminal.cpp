#include "levin/framework/base/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace levin {
namespace {

constexpr const char* kClearLine = "\x1b[2K";
constexpr const char* kUp = "\x1b[A";

}  // namespace

bool is_terminal(int fd) {
  if (::isatty(fd) == 0) return false;
  const char* kind = std::getenv("TERM");
  return kind == nullptr || std::strcmp(kind, "dumb") != 0;
}

int terminal_columns(int fd, int fallback) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* text = std::getenv("COLUMNS")) {
    int columns = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, columns);
    if (error == std::errc() && stop == end && columns > 0) return columns;
  }
  return fallback;
}

ProgressDisplay::ProgressDisplay(int fd) : fd_(fd) {}
ProgressDisplay::~ProgressDisplay() { finish(); }

void ProgressDisplay::draw(const std::vector<std::string>& lines) {
  if (lines.empty()) return clear();
  std::string out = "\r";
  for (int i = 1; i < shown_; ++i) out += kUp;
  // A line is cleared before it is written: after a line of full width the cursor still stands on
  // its last column, and clearing to the right would take that character away.
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\r\n";
    out += kClearLine + lines[i];
  }
  const int count = static_cast<int>(lines.size());
  for (int i = count; i < shown_; ++i) out += std::string("\r\n") + kClearLine;
  for (int i = count; i < shown_; ++i) out += kUp;
  shown_ = count;
  send(out);
}

void ProgressDisplay::clear() {
  if (shown_ == 0) return;
  std::string out = std::string("\r") + kClearLine;
  for (int i = 1; i < shown_; ++i) out += std::string(kUp) + kClearLine;
  shown_ = 0;
  send(out);
}

void ProgressDisplay::finish() {
  if (shown_ == 0) return;
  std::string out;
  for (int i = 1; i < shown_; ++i) out += std::string("\r") + kClearLine + kUp;
  shown_ = 0;
  send(out + "\r\n");
}

void ProgressDisplay::send(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace levin
