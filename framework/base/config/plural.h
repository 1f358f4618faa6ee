#pragma once
#include <string>

namespace levin {

/// "callbacks", "strategies", "data modules".
inline std::string plural(const std::string& kind) {
  if (kind.ends_with('s')) return kind;
  return kind.ends_with('y') ? kind.substr(0, kind.size() - 1) + "ies" : kind + "s";
}

}  // namespace levin
