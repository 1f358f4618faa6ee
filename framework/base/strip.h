#pragma once
#include <string_view>

namespace levin {

/// The text without white space around it: Python's `text.strip()`.
inline std::string_view stripped(std::string_view text) {
  constexpr std::string_view space = " \t\n\r\f\v";
  const auto first = text.find_first_not_of(space);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(space) - first + 1);
}

}  // namespace levin
