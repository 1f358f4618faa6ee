#include <charconv>
#include <cmath>

#include "levin/framework/base/python_format.h"

namespace levin {

std::string python_repr(double value) {
  std::string out;
  append_python_repr(out, value);
  return out;
}

void append_python_repr(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    return;
  }
  // Python prints the shortest digits that read back the same, positional for exponents -4 to 15.
  char buffer[64];
  const double magnitude = std::fabs(value);
  const bool scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 scientific ? std::chars_format::scientific : std::chars_format::fixed);
  const std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  out += text;
  if (!scientific && text.find('.') == text.npos) out += ".0";
}

std::string python_repr(std::string_view text) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') (out += '\\') += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else if (c == '\t') out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr char hex[] = "0123456789abcdef";
      ((out += "\\x") += hex[(c >> 4) & 15]) += hex[c & 15];
    } else out += c;
  }
  return out += quote;
}

}  // namespace levin
