#pragma once
#include <cstdint>
#include <string>

#include "levin/framework/base/codec/little_endian.h"

/// Pickles put together by hand, for files that no library writes.
namespace levin::test {

inline std::string text(const std::string& s) {
  std::string out = "X";
  append_le(out, static_cast<std::uint32_t>(s.size()));
  return out + s;
}
inline std::string integer(std::int64_t n) {
  std::string out = "\x8a\x08";
  append_le(out, n);
  return out;
}
inline std::string storage(std::int64_t numel, const std::string& type = "FloatStorage",
                    const std::string& key = "0") {
  return std::string("(") + text("storage") + "ctorch\n" + type + "\n" + text(key) + text("cpu") +
         integer(numel) + "tQ";
}
/// A whole pickle: a tensor of one dimension.
inline std::string tensor(std::int64_t numel, std::int64_t offset, std::int64_t size,
                   std::int64_t stride) {
  return "\x80\x02"
         "ctorch._utils\n_rebuild_tensor_v2\n(" +
         storage(numel) + integer(offset) + integer(size) + "\x85" + integer(stride) +
         "\x85"
         "\x89"
         "ccollections\nOrderedDict\n)RtR.";
}
inline std::string repeat(const std::string& s, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += s;
  return out;
}

}  // namespace levin::test
