#pragma once
#include <cstddef>
#include <ctime>
#include <string_view>

namespace levin {

/// The text of an error.json, built and written with nothing that a signal handler must not call: no
/// memory is taken, no lock is held. What is too long is cut.
class ErrorText {
 public:
  void fill(std::string_view what, std::string_view stack, std::time_t now) noexcept;
  /// Makes the file; false if some error was written before, or there is no file to write.
  bool write_first() const noexcept;
  /// Writes the file anew, after `write_first`.
  bool write_again() const noexcept;

 private:
  void add(std::string_view text) noexcept;
  void add_escaped(std::string_view text) noexcept;
  bool write(int flags) const noexcept;

  std::size_t size_ = 0;
  char text_[48 * 1024];
};

/// `value` in decimal, written into `buffer` (at least 21 bytes).
std::string_view decimal(long long value, char* buffer) noexcept;

}  // namespace levin
