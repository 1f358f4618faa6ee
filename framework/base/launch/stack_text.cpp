#include "levin/framework/base/launch/stack_text.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace levin {
namespace {

constexpr int most_frames = 64;

class Text {
 public:
  Text(char* buffer, std::size_t size) noexcept : buffer_(buffer), room_(size) {}
  void add(std::string_view text) noexcept {
    const std::size_t n = text.size() < room_ - used_ ? text.size() : room_ - used_;
    std::memcpy(buffer_ + used_, text.data(), n);
    used_ += n;
  }
  void add_hex(std::uintptr_t value) noexcept {
    char digits[18];
    char* at = digits + sizeof digits;
    do *--at = "0123456789abcdef"[value & 15];
    while (value >>= 4);
    *--at = 'x';
    *--at = '0';
    add({at, static_cast<std::size_t>(digits + sizeof digits - at)});
  }
  void add_small(int value) noexcept {
    if (value >= 10) add_small(value / 10);
    const char digit = static_cast<char>('0' + value % 10);
    add({&digit, 1});
  }
  std::size_t used() const noexcept { return used_; }

 private:
  char* buffer_;
  std::size_t room_, used_ = 0;
};

std::string_view last_part(const char* path) noexcept {
  const char* const slash = path ? std::strrchr(path, '/') : nullptr;
  return slash ? slash + 1 : path ? path : "?";
}

}  // namespace

void prepare_stack_text() noexcept {
  void* frame;
  ::backtrace(&frame, 1);
}

std::size_t write_stack_text(char* buffer, std::size_t size) noexcept {
  void* frames[most_frames];
  const int count = ::backtrace(frames, most_frames);
  Text text(buffer, size);
  for (int i = 1; i < count; ++i) {  // 0 is this function
    const auto address = reinterpret_cast<std::uintptr_t>(frames[i]);
    Dl_info info{};
    const bool known = ::dladdr(frames[i], &info) != 0;
    text.add("#");
    text.add_small(i - 1);
    text.add(" ");
    if (known && info.dli_sname) {
      text.add(info.dli_sname);
      text.add("+");
      text.add_hex(address - reinterpret_cast<std::uintptr_t>(info.dli_saddr));
    } else {  // offset in the file: what addr2line takes
      text.add(known ? "+" : "?");
      if (known) text.add_hex(address - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
    }
    text.add(" (");
    text.add(known ? last_part(info.dli_fname) : "?");
    text.add(") [");
    text.add_hex(address);
    text.add("]\n");
  }
  return text.used();
}

std::string demangled(std::string_view stack) {
  std::string out;
  for (std::size_t at = 0; at < stack.size();) {
    if (stack.substr(at, 2) != "_Z" || (at > 0 && std::isalnum(static_cast<unsigned char>(stack[at - 1])))) {
      out += stack[at++];
      continue;
    }
    std::size_t end = at;
    while (end < stack.size() && (std::isalnum(static_cast<unsigned char>(stack[end])) || std::strchr("_.$", stack[end]))) ++end;
    const std::string name(stack.substr(at, end - at));
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> plain(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
    out += status == 0 ? plain.get() : name;
    at = end;
  }
  return out;
}

}  // namespace levin
