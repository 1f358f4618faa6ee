#pragma once
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

/// The wire protocol of c10d's TCPStore, as LibTorch 2.11's clients speak it. Numbers are in the
/// machine's byte order; a string is its length (u64) and its bytes. A client says `validate` and the
/// magic number first, then one query after another. Clients put a "/" before each key.
namespace levin::store {

enum class Query : std::uint8_t {
  validate,     ///< u32 magic; no answer
  set,          ///< key, value; no answer
  compare_set,  ///< key, expected, desired; the value afterwards
  get,          ///< key; value, "" if there is none
  add,          ///< key, i64; the sum as i64
  check,        ///< n, n keys; 0 if all are there, else 1, as u8
  wait,         ///< n, n keys; u8 0 as soon as all are there
  get_num_keys, ///< i64
  delete_key,   ///< key; how many were there, as i64
  append,       ///< key, value; no answer
  multi_get,    ///< n, n keys; n values
  multi_set,    ///< n, n x (key, value); no answer
  cancel_wait,  ///< u8 1
  ping,         ///< u32; the same
  queue_push,   ///< key, value; no answer
  queue_pop,    ///< key; i64 0, or i64 1 and the value
  queue_len,    ///< key; i64
  list_keys,    ///< i64 n, n keys
};

constexpr std::uint32_t magic = 0x3C85F7CE;

/// Beyond these a client is not one of ours: c10d's own limits.
constexpr std::uint64_t most_keys = 128 * 1024, longest_key = 8 * 1024, longest_value = 8 * 1024 * 1024;

/// What the peer sent makes no sense; the connection ends.
struct ProtocolError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// There is not enough yet of a query: it is read again from its start when `size` bytes are there.
struct Incomplete {
  std::size_t size;
};

/// Takes numbers and strings off the front of what was received.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    T out;
    std::memcpy(&out, take(sizeof out).data(), sizeof out);
    return out;
  }
  std::string key() { return std::string(text(longest_key, "a key")); }
  std::string value() { return std::string(text(longest_value, "a value")); }
  std::uint64_t count() {
    const auto n = number<std::uint64_t>();
    if (n > most_keys) throw ProtocolError("too many keys");
    return n;
  }
  std::size_t used() const { return at_; }

 private:
  std::string_view text(std::uint64_t longest, const char* what) {
    const auto size = number<std::uint64_t>();
    if (size > longest) throw ProtocolError(std::string(what) + " is too long");
    return take(size);
  }
  std::string_view take(std::size_t size) {
    if (bytes_.size() - at_ < size) throw Incomplete{at_ + size};
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

template <class T>
void put_number(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}
inline void put_text(std::string& out, std::string_view text) {
  put_number<std::uint64_t>(out, text.size());
  out += text;
}

}  // namespace levin::store
