#include "levin/framework/base/yaml_scalar.h"

#include <algorithm>
#include <iterator>
#include <regex>

namespace levin::yaml {
namespace {

constexpr std::size_t kLongestNumber = 500;  // std::regex recurses for each character

// YAML 1.1's types as PyYAML's resolver knows them. 12e03 without a dot and a sign is a str there, 1_000 and 1:30 are ints.
const std::regex& number_or_date() {
  static const std::regex pattern(
      "[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+"
      "|[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+][0-9]+)?|\\.[0-9][0-9_]*([eE][-+][0-9]+)?"
      "|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)"
      "|[0-9]{4}-[0-9]{2}-[0-9]{2}"
      "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]*)?"
      "([ \\t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?",
      std::regex::optimize | std::regex::nosubs);
  return pattern;
}

bool is_space(std::string_view text, std::size_t at) {
  return at >= text.size() || text[at] == ' ' || text[at] == '\n';
}

// Whether the text, taken as it is, would be taken for YAML's own marks.
bool has_indicators(std::string_view text) {
  if (text.starts_with("---") || text.starts_with("...")) return true;
  constexpr std::string_view first = "#,[]{}&*!|>'\"%@`";
  if (first.find(text[0]) != first.npos) return true;
  if ((text[0] == '?' || text[0] == '-') && is_space(text, 1)) return true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':' && is_space(text, i + 1)) return true;
    if (text[i] == '#' && i > 0 && is_space(text, i - 1)) return true;
  }
  return false;
}

}  // namespace

bool reads_as_other_than_str(std::string_view text) {
  constexpr std::string_view words[] = {
      "",    "~",   "null", "Null", "NULL", "<<",   "=",    "yes",   "Yes",   "YES",   "no", "No", "NO",
      "on",  "On",  "ON",   "off",  "Off",  "OFF",  "true", "True",  "TRUE",  "false", "False", "FALSE"};
  if (std::find(std::begin(words), std::end(words), text) != std::end(words)) return true;
  constexpr std::string_view starts = "-+.0123456789";
  if (starts.find(text[0]) == starts.npos) return false;
  if (text.size() > kLongestNumber) return text.find_first_not_of("0123456789abcdefABCDEFx_.:+-") == text.npos;
  return std::regex_match(text.begin(), text.end(), number_or_date());
}

Style style_of(std::string_view text) {
  const auto printable = [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); };
  if (!std::all_of(text.begin(), text.end(), printable)) return Style::double_quoted;
  // Spaces around a line break would be lost to folding.
  if (text.find(" \n") != text.npos || text.find("\n ") != text.npos) return Style::double_quoted;
  if (reads_as_other_than_str(text) || text.find('\n') != text.npos) return Style::single_quoted;
  if (text.front() == ' ' || text.back() == ' ' || has_indicators(text)) return Style::single_quoted;
  return Style::plain;
}

}  // namespace levin::yaml
