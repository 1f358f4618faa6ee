#pragma once
#include <string>
#include <string_view>

namespace levin {

/// Appends a cell as Python's csv.writer does with QUOTE_MINIMAL: in quotes only where it must be.
inline void append_csv_cell(std::string& out, std::string_view cell) {
  if (cell.find_first_of(",\"\r\n") == cell.npos) {
    out += cell;
    return;
  }
  out += '"';
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace levin
