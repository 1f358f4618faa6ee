#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace levin {

/// A fast hash of short text, for tables that live in memory only.
inline std::uint64_t text_hash(std::string_view text) {
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a ^ 0x2d358dccaa6c78a5) * (b ^ 0x8bb84b93962eacc9);
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const auto load = []<class Word>(Word, const char* at) {
    Word out;
    std::memcpy(&out, at, sizeof out);
    return static_cast<std::uint64_t>(out);
  };
  constexpr std::uint64_t wide = 0;
  constexpr std::uint32_t narrow = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  std::uint64_t hash = text.size(), tail = 0;
  for (; end - at > 8; at += 8) hash = mix(hash, load(wide, at));
  // The last bytes; the words may overlap what is done, or each other.
  if (text.size() >= 8) tail = load(wide, end - 8);
  else if (text.size() >= 4) tail = load(narrow, at) << 32 | load(narrow, end - 4);
  else
    for (; at < end; ++at) tail = tail << 8 | static_cast<unsigned char>(*at);
  return mix(hash, tail);
}

}  // namespace levin
