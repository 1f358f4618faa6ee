#include "levin/framework/base/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "levin/framework/base/display_width.h"

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

// Removes the lines and leaves the cursor where the first began.
std::string ProgressDisplay::erased() const {
  const int columns = std::max(1, terminal_columns(fd_));
  int rows = 0;
  for (const std::string& line : shown_) rows += std::max(1, (display_width(line) + columns - 1) / columns);
  std::string out = std::string("\r") + kClearLine;
  for (int i = 1; i < rows; ++i) out += std::string(kUp) + kClearLine;
  return out;
}

void ProgressDisplay::draw(const std::vector<std::string>& lines) {
  if (lines.empty() && shown_.empty()) return;
  std::string out = erased();
  for (std::size_t i = 0; i < lines.size(); ++i) out += (i > 0 ? "\r\n" : "") + lines[i];
  shown_ = lines;
  send(out);
}

void ProgressDisplay::clear() { draw({}); }

void ProgressDisplay::finish() {
  if (shown_.empty()) return;
  const std::string out = shown_.size() > 1 ? erased() + shown_.front() : "";
  shown_.clear();
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
