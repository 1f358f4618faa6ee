#include "levin/framework/base/terminal_streams.h"

#include <unistd.h>

#include <iostream>
#include <streambuf>
#include <string>

#include "levin/framework/base/console.h"
#include "levin/framework/base/terminal.h"

namespace levin {

// Stands in for a stream's buffer and hands whole lines on to it.
class TerminalStreams::Lines final : public std::streambuf {
 public:
  explicit Lines(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(this)) {}
  ~Lines() override {
    if (stream_.rdbuf() == this) stream_.rdbuf(before_);
    hand_on(waiting_.size());
  }

 protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char one = traits_type::to_char_type(c);
    return xsputn(&one, 1) == 1 ? c : traits_type::eof();
  }

  std::streamsize xsputn(const char* text, std::streamsize size) override {
    const auto lock = lock_console();
    waiting_.append(text, static_cast<std::size_t>(size));
    if (const auto end = waiting_.rfind('\n'); end != waiting_.npos) hand_on(end + 1);
    return size;
  }

 private:
  void hand_on(std::size_t size) {
    if (size == 0) return;
    print_around_live_line([&] {
      before_->sputn(waiting_.data(), static_cast<std::streamsize>(size));
      before_->pubsync();
    });
    waiting_.erase(0, size);
  }

  std::ostream& stream_;
  std::streambuf* before_;
  std::string waiting_;
};

TerminalStreams::TerminalStreams() {
  std::cout.flush();
  if (is_terminal(STDOUT_FILENO)) out_ = std::make_unique<Lines>(std::cout);
  if (!is_terminal(STDERR_FILENO)) return;
  err_ = std::make_unique<Lines>(std::cerr);
  log_ = std::make_unique<Lines>(std::clog);
}

TerminalStreams::~TerminalStreams() = default;

}  // namespace levin
