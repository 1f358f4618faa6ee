#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Fixed-width little-endian integers, as zip and pickle store them. The machine is little-endian
/// itself.
namespace levin {

/// The integer at `offset`; the caller has checked that it lies within `bytes`.
template <class T>
T load_le(std::string_view bytes, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class T>
void append_le(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof raw);
}

}  // namespace levin
