#include "levin/framework/base/yaml_text.h"

#include <cstdint>
#include <regex>

namespace levin {
namespace {

constexpr int best_width = 80;

bool is_break(char32_t c) { return c == U'\n' || c == 0x85 || c == 0x2028 || c == 0x2029; }
bool is_space_or_break(char32_t c) {
  return c == 0 || c == U' ' || c == U'\t' || c == U'\r' || is_break(c);
}
bool is_printable_ascii(char32_t c) { return c >= U' ' && c <= U'~'; }
bool is_one_of(char32_t c, std::u32string_view set) { return set.find(c) != set.npos; }

/// Whether a mark of YAML's own in block style would be read into the text, were it unquoted.
bool has_block_indicator(const std::u32string& text) {
  if (text.starts_with(U"---") || text.starts_with(U"...")) return true;
  if (is_one_of(text[0], U"#,[]{}&*!|>'\"%@`")) return true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool at_end = i + 1 == text.size() || is_space_or_break(text[i + 1]);
    if (text[i] == U':' && at_end) return true;
    if (i == 0 && is_one_of(text[i], U"?-") && at_end) return true;
    if (i > 0 && text[i] == U'#' && is_space_or_break(text[i - 1])) return true;
  }
  return false;
}

std::string escaped(char32_t c) {
  switch (c) {
    case 0:
      return "\\0";
    case 7:
      return "\\a";
    case 8:
      return "\\b";
    case 9:
      return "\\t";
    case 10:
      return "\\n";
    case 11:
      return "\\v";
    case 12:
      return "\\f";
    case 13:
      return "\\r";
    case 27:
      return "\\e";
    case U'"':
      return "\\\"";
    case U'\\':
      return "\\\\";
    case 0x85:
      return "\\N";
    case 0xa0:
      return "\\_";
    case 0x2028:
      return "\\L";
    case 0x2029:
      return "\\P";
    default:
      break;
  }
  const auto code = static_cast<std::uint32_t>(c);
  const int digits = code <= 0xff ? 2 : code <= 0xffff ? 4 : 8;
  std::string out = digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += "0123456789ABCDEF"[code >> shift & 15];
  return out;
}

}  // namespace

std::u32string code_points(std::string_view utf8) {
  std::u32string out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    char32_t c = more == 0 ? lead : lead & (0x3f >> more);
    for (int k = 1; k <= more; ++k)
      c = c << 6 | (static_cast<unsigned char>(utf8[i + static_cast<std::size_t>(k)]) & 0x3f);
    out += c;
    i += static_cast<std::size_t>(more) + 1;
  }
  return out;
}

bool has_line_break(const std::u32string& text) {
  for (const char32_t c : text)
    if (is_break(c)) return true;
  return false;
}

bool reads_as_other_than_text(const std::u32string& text) {
  if (text.empty()) return true;
  if (!is_one_of(text[0], U"+-.0123456789~=<nNtTfFyYoO")) return false;
  for (const char32_t c : text)
    if (!is_printable_ascii(c) && c != U'\t') return false;
  const std::string plain(text.begin(), text.end());
  // A regex recurses once a character: beyond a thousand, text that could be a number counts as
  // one.
  if (plain.size() > 1000) {
    return plain.find_first_of("0123456789") != plain.npos &&
           plain.find_first_not_of("+-.:_ \t0123456789abcdefABCDEFxTtZ") == plain.npos;
  }
  static const std::regex word(
      "~|null|Null|NULL|<<|=|(yes|no|true|false|on|off)|(Yes|No|True|False|On|Off)|"
      "(YES|NO|TRUE|FALSE|ON|OFF)|[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)");
  // Base 2, 8, 16 and 10, and base 60 as in 12:30:45; each with an optional fraction where YAML has
  // one.
  static const std::regex number(
      "[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*(:[0-5]?[0-9])*|"
      "[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*|[0-9][0-9_]*\\.[0-9_]*([eE][-+][0-9]+)?)|"
      "\\.[0-9][0-9_]*([eE][-+][0-9]+)?");
  static const std::regex date(
      "\\d{4}-\\d\\d-\\d\\d|\\d{4}-\\d\\d?-\\d\\d?([Tt]|[ \\t]+)\\d\\d?:\\d\\d:\\d\\d(\\.\\d*)?"
      "([ \\t]*(Z|[-+]\\d\\d?(:\\d\\d)?))?");
  return std::regex_match(plain, word) || std::regex_match(plain, number) ||
         std::regex_match(plain, date);
}

YamlStyle yaml_style(const std::u32string& text) {
  if (text.empty()) return YamlStyle::single_quoted;
  bool folds_badly = false;  // a space beside a line break would be lost
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != U'\n' && !is_printable_ascii(text[i])) return YamlStyle::double_quoted;
    if (i > 0 &&
        ((is_break(text[i]) && text[i - 1] == U' ') || (is_break(text[i - 1]) && text[i] == U' ')))
      folds_badly = true;
  }
  if (folds_badly) return YamlStyle::double_quoted;
  const char32_t first = text.front(), last = text.back();
  if (first == U' ' || last == U' ' || has_line_break(text) || has_block_indicator(text) ||
      reads_as_other_than_text(text))
    return YamlStyle::single_quoted;
  return YamlStyle::plain;
}

void YamlLines::put(std::u32string_view ascii) {
  out_.append(ascii.begin(), ascii.end());
  column_ += static_cast<int>(ascii.size());
}

void YamlLines::break_line() {
  out_ += '\n';
  column_ = 0;
  after_space_ = open_ = true;
}

void YamlLines::new_line(int indent) {
  if (!open_ || column_ > indent || (column_ == indent && !after_space_)) break_line();
  if (column_ < indent) {
    put(std::u32string(static_cast<std::size_t>(indent - column_), U' '));
    after_space_ = true;
  }
}

void YamlLines::indicator(std::string_view mark, bool needs_space, bool keeps_open) {
  if (needs_space && !after_space_) put(U" ");
  put(std::u32string(mark.begin(), mark.end()));
  after_space_ = false;
  open_ = open_ && keeps_open;
}

void YamlLines::fold(int indent) {
  new_line(indent);
  after_space_ = open_ = false;
}

void YamlLines::text(const std::u32string& text, YamlStyle style, int indent, bool may_fold) {
  if (!after_space_) put(U" ");
  after_space_ = open_ = false;
  switch (style) {
    case YamlStyle::plain:
      plain(text, indent, may_fold);
      break;
    case YamlStyle::single_quoted:
      single_quoted(text, indent, may_fold);
      break;
    case YamlStyle::double_quoted:
      double_quoted(text, indent, may_fold);
      break;
  }
}

void YamlLines::plain(const std::u32string& text, int indent, bool may_fold) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Only a space that stands alone may become a line break.
    const bool lone =
        text[i] == U' ' && text[i - 1] != U' ' && i + 1 < text.size() && text[i + 1] != U' ';
    if (lone && may_fold && column_ > best_width)
      fold(indent);
    else
      put({&text[i], 1});
  }
}

void YamlLines::single_quoted(const std::u32string& text, int indent, bool may_fold) {
  put(U"'");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inside = i > 0 && i + 1 < text.size();
    const bool lone = text[i] == U' ' && inside && text[i - 1] != U' ' && text[i + 1] != U' ';
    if (text[i] == U'\n') {
      // One line break would read as a space: the first of a run is written twice.
      break_line();
      for (; i < text.size() && text[i] == U'\n'; ++i) break_line();
      --i;
      fold(indent);
    } else if (lone && may_fold && column_ > best_width) {
      fold(indent);
    } else {
      put(text[i] == U'\'' ? std::u32string_view(U"''") : std::u32string_view(&text[i], 1));
    }
  }
  put(U"'");
}

void YamlLines::double_quoted(const std::u32string& text, int indent, bool may_fold) {
  put(U"\"");
  // A line may break before a space and beside an escape; a backslash joins the two halves, another
  // one keeps a space that begins a line.
  const auto fold_before = [&](char32_t next) {
    put(U"\\");
    fold(indent);
    if (next == U' ') put(U"\\");
  };
  bool after_escape = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    const bool may_fold_here = may_fold && i > 0 && i + 1 < text.size();
    if (!is_printable_ascii(c) || c == U'"' || c == U'\\') {
      const std::string mark = escaped(c);
      put(std::u32string(mark.begin(), mark.end()));
      // As in PyYAML: behind an escape there is room for one character more.
      if (may_fold_here && column_ - 1 > best_width) fold_before(text[i + 1]);
      after_escape = true;
    } else {
      if (may_fold_here && (c == U' ' || after_escape) && column_ > best_width) fold_before(c);
      put({&c, 1});
      after_escape = false;
    }
  }
  put(U"\"");
}

}  // namespace levin
