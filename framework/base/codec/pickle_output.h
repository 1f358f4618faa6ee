#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The pickler's lower half: opcodes with their arguments, and the numbers of the memo.
namespace levin {

class PickleOutput {
 public:
  PickleOutput() { bytes("\x80\x02"); }
  /// Ends the pickle and hands it over.
  std::string finish();

  void op(char opcode) { *room(1) = opcode; }
  /// Remembers what was written last; gives its number. Python numbers each object that may occur
  /// again, also those it makes on the way.
  std::uint32_t put() {
    next_ < 256 ? op('q', static_cast<std::uint8_t>(next_)) : op('r', next_);
    return next_++;
  }
  /// Writes the object of that number again.
  void get(std::uint32_t number) { number < 256 ? op('h', static_cast<std::uint8_t>(number)) : op('j', number); }
  std::uint32_t next_number() const { return next_; }

  void boolean(bool value) { op(value ? '\x88' : '\x89'); }
  void integer(std::int64_t value) {
    if (value >= 0 && value < 256) op('K', static_cast<std::uint8_t>(value));
    else wide_integer(value);
  }
  /// Two's complement, in as few bytes as hold the sign.
  void big_integer(std::string_view little_endian);
  void floating(double value);
  /// A string, without a memo entry. ValueError if it is not UTF-8 or longer than 4 GiB.
  void text(std::string_view utf8);
  void global(std::string_view module, std::string_view name);
  /// Ends a tuple of so many items; a mark must have been written before the first of more than
  /// three.
  void end_tuple(std::size_t items);
  static bool tuple_needs_mark(std::size_t items) { return items > 3; }
  /// A tuple of ints, with its memo entry.
  void integers(const std::vector<std::int64_t>& numbers);

 private:
  void wide_integer(std::int64_t value);
  /// Where so many bytes may be written.
  char* room(std::size_t count) {
    if (out_.size() - size_ < count) out_.resize(std::max(2 * out_.size(), size_ + count + 16384));
    return out_.data() + std::exchange(size_, size_ + count);
  }
  void bytes(std::string_view raw) { std::memcpy(room(raw.size()), raw.data(), raw.size()); }
  template <class T>
  void op(char opcode, T argument) {
    char* const at = room(1 + sizeof argument);
    *at = opcode;
    std::memcpy(at + 1, &argument, sizeof argument);
  }

  std::string out_;  // with room at the end
  std::size_t size_ = 0;
  std::uint32_t next_ = 0;
};

}  // namespace levin
