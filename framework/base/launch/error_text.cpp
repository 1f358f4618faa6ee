#include "levin/framework/base/launch/error_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "levin/framework/base/utf8.h"

namespace levin {
namespace {

constexpr std::size_t closing_bytes = 128;  // kept free for what follows the stack

}  // namespace

std::string_view decimal(long long value, char* buffer) noexcept {
  char* const end = buffer + 21;
  char* at = end;
  unsigned long long rest = value < 0 ? 0ULL - static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value);
  do *--at = static_cast<char>('0' + rest % 10);
  while (rest /= 10);
  if (value < 0) *--at = '-';
  return {at, static_cast<std::size_t>(end - at)};
}

void ErrorText::add(std::string_view text) noexcept {
  if (size_ + text.size() > sizeof text_) return;
  std::memcpy(text_ + size_, text.data(), text.size());
  size_ += text.size();
}

void ErrorText::add_escaped(std::string_view text) noexcept {
  constexpr char hex[] = "0123456789abcdef";
  for (std::size_t at = 0; at < text.size();) {
    if (size_ + closing_bytes > sizeof text_) return;
    const utf8::Character character = utf8::decode(text, at);
    const std::size_t bytes = character.bytes > 0 ? character.bytes : 1;
    const std::string_view piece = text.substr(at, bytes);
    if (character.bytes == 0) add("?");
    else if (piece == "\"" || piece == "\\") add("\\"), add(piece);
    else if (piece == "\n") add("\\n");
    else if (character.point < 0x20) {
      const char escape[] = {'\\', 'u', '0', '0', hex[character.point >> 4], hex[character.point & 15]};
      add({escape, sizeof escape});
    } else add(piece);
    at += bytes;
  }
}

void ErrorText::fill(std::string_view what, std::string_view stack, std::time_t now) noexcept {
  char number[21];
  size_ = 0;
  add(R"({"message": {"message": ")");
  add_escaped(what.substr(0, 8192));
  add(R"(", "extraInfo": {"py_callstack": ")");
  add_escaped(stack.empty() ? what : stack);
  add(R"(", "timestamp": ")");
  add(decimal(now, number));
  add("\"}}}\n");
}

bool ErrorText::write(int flags) const noexcept {
  const char* const path = std::getenv("TORCHELASTIC_ERROR_FILE");
  if (!path || !*path) return false;
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
  if (fd < 0) return false;
  const bool whole = ::write(fd, text_, size_) == static_cast<ssize_t>(size_);
  ::close(fd);
  return whole;
}

bool ErrorText::write_first() const noexcept { return write(O_CREAT | O_EXCL); }
// In one write, and longer than what it covers: at no instant is the file less than it was.
bool ErrorText::write_again() const noexcept { return write(0); }

}  // namespace levin
