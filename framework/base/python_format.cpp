#include "levin/framework/base/python_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

// Python would run out of memory first; a file name or a table cell never comes near.
constexpr std::int64_t kLargestField = 1'000'000;

struct Spec {
  std::string_view fill = " ";  // one character, in the spec's own text
  char align = '>';
  char sign = '-';
  bool no_negative_zero = false;
  bool alternate = false;
  std::int64_t width = -1;
  char separator = 0;
  int group = 3;
  std::int64_t precision = -1;
  char type = 0;
};

// The characters of UTF-8 text, one view each: a fill may be any character.
std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = 1;
    while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xC0) == 0x80) ++n;
    out.push_back(text.substr(i, n));
    i += n;
  }
  return out;
}

// As Python prints it: beyond ASCII the code point in hexadecimal.
std::string printable(std::string_view character) {
  if (character.size() == 1) return std::string(character);
  std::uint32_t point =
      static_cast<unsigned char>(character[0]) & (0xFFu >> (character.size() + 1));
  for (const char c : character.substr(1))
    point = point << 6 | (static_cast<unsigned char>(c) & 0x3F);
  char buffer[16];
  return "\\x" + std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, point, 16).ptr);
}

[[noreturn]] void unknown_code(std::string_view code, const char* type) {
  throw ValueError("Unknown format code '" + printable(code) + "' for object of type '" + type +
                   "'");
}

class SpecParser {
 public:
  SpecParser(std::string_view text, const char* type)
      : text_(text), type_(type), chars_(characters(text)) {}

  Spec parse() {
    Spec spec;
    const bool filled = parse_alignment(spec);
    if (at("+") || at("-") || at(" ")) spec.sign = next()[0];
    spec.no_negative_zero = accept("z");
    spec.alternate = accept("#");
    if (!filled && accept("0")) {
      spec.fill = "0";
      if (!aligned_) spec.align = '=';
    }
    if (const auto width = integer()) spec.width = *width;
    parse_separator(spec);
    if (accept(".")) {
      const auto precision = integer();
      if (!precision) throw ValueError("Format specifier missing precision");
      spec.precision = *precision;
    }
    parse_type(spec);
    return spec;
  }

 private:
  bool at(std::string_view c, std::size_t ahead = 0) const {
    return pos_ + ahead < chars_.size() && chars_[pos_ + ahead] == c;
  }
  bool at_align(std::size_t ahead) const {
    return at("<", ahead) || at(">", ahead) || at("=", ahead) || at("^", ahead);
  }
  std::string_view next() { return chars_[pos_++]; }
  bool accept(std::string_view c) {
    if (!at(c)) return false;
    ++pos_;
    return true;
  }

  bool parse_alignment(Spec& spec) {
    const bool filled = at_align(1);
    if (filled) spec.fill = next();
    aligned_ = at_align(0);
    if (aligned_) spec.align = next()[0];
    return filled;
  }

  std::optional<std::int64_t> integer() {
    std::optional<std::int64_t> out;
    while (pos_ < chars_.size() && chars_[pos_][0] >= '0' && chars_[pos_][0] <= '9') {
      out = out.value_or(0) * 10 + (next()[0] - '0');
      if (*out > kLargestField) throw ValueError("Too many decimal digits in format string");
    }
    return out;
  }

  void parse_separator(Spec& spec) {
    constexpr const char* both = "Cannot specify both ',' and '_'.";
    if (accept(",")) spec.separator = ',';
    if (accept("_")) {
      if (spec.separator) throw ValueError(both);
      spec.separator = '_';
      if (at(",")) throw ValueError(both);
    }
  }

  void parse_type(Spec& spec) {
    if (chars_.size() - pos_ > 1)
      throw ValueError("Invalid format specifier '" + std::string(text_) +
                       "' for object of type '" + type_ + "'");
    const std::string_view code = pos_ < chars_.size() ? chars_[pos_] : std::string_view();
    if (spec.separator && !code.empty() && (code.size() > 1 || !std::strchr("defgEGF%", code[0]))) {
      if (spec.separator == '_' && code.size() == 1 && std::strchr("boxX", code[0]))
        spec.group = 4;
      else
        throw ValueError(std::string("Cannot specify '") + spec.separator + "' with '" +
                         printable(code) + "'.");
    }
    if (code.size() > 1) unknown_code(code, type_);
    if (!code.empty()) spec.type = code[0];
  }

  std::string_view text_;
  const char* type_;
  std::vector<std::string_view> chars_;
  std::size_t pos_ = 0;
  bool aligned_ = false;
};

// A number in pieces: sign, "0x", the digits that grouping and zero padding act on, and the rest
// (".5e+10", "nan").
struct Pieces {
  bool negative = false;
  std::string prefix, digits, rest;
  std::size_t rest_width = 0;  // in characters
};

// Separators every `group` digits from the right; zeros up to `width` count as digits (Python:
// 00,001,234).
std::string grouped(const std::string& digits, std::int64_t width, const Spec& spec) {
  if (digits.empty()) return "";
  std::string reversed;
  auto left = static_cast<std::int64_t>(digits.size());
  if (!spec.separator)
    return std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, width - left)), '0') +
           digits;
  while (true) {
    const std::int64_t take =
        std::min<std::int64_t>(spec.group, std::max<std::int64_t>({left, width, 1}));
    for (std::int64_t i = 0; i < take; ++i, --left)
      reversed += left > 0 ? digits[static_cast<std::size_t>(left - 1)] : '0';
    width -= take;
    if (left <= 0 && width <= 0) break;
    reversed += spec.separator;
    --width;
  }
  return {reversed.rbegin(), reversed.rend()};
}

std::string repeat(std::string_view text, std::int64_t n) {
  std::string out;
  for (std::int64_t i = 0; i < n; ++i) out += text;
  return out;
}

std::string assemble(const Pieces& pieces, const Spec& spec) {
  std::string head;
  if (pieces.negative)
    head = "-";
  else if (spec.sign != '-')
    head = spec.sign;
  head += pieces.prefix;
  const auto fixed = static_cast<std::int64_t>(head.size() + pieces.rest_width);
  const bool zero_padded = spec.fill == "0" && spec.align == '=';
  const std::string body = grouped(pieces.digits, zero_padded ? spec.width - fixed : 0, spec);
  const std::int64_t padding =
      std::max<std::int64_t>(0, spec.width - fixed - static_cast<std::int64_t>(body.size()));
  const std::string number = body + pieces.rest;
  switch (spec.align) {
    case '<':
      return head + number + repeat(spec.fill, padding);
    case '^':
      return repeat(spec.fill, padding / 2) + head + number +
             repeat(spec.fill, padding - padding / 2);
    case '=':
      return head + repeat(spec.fill, padding) + number;
    default:
      return repeat(spec.fill, padding) + head + number;
  }
}

// Decimal digits without trailing zeros and where the point stands: 0.d1d2... * 10^point.
struct Decimal {
  std::string digits;
  std::int64_t point = 1;
};

std::string chars_of(double value, std::chars_format format, std::int64_t precision) {
  std::string buffer(static_cast<std::size_t>(std::max<std::int64_t>(precision, 0)) + 400, '\0');
  char* const end = buffer.data() + buffer.size();
  const auto done =
      precision < 0 ? std::to_chars(buffer.data(), end, value, format)
                    : std::to_chars(buffer.data(), end, value, format, static_cast<int>(precision));
  buffer.resize(static_cast<std::size_t>(done.ptr - buffer.data()));
  return buffer;
}

// `significant` < 0: the shortest digits that read back the same.
Decimal decimal(double magnitude, std::int64_t significant) {
  const std::string text =
      chars_of(magnitude, std::chars_format::scientific, significant < 0 ? -1 : significant - 1);
  const std::size_t e = text.find('e');
  Decimal out;
  for (const char c : text.substr(0, e))
    if (c != '.') out.digits += c;
  while (out.digits.size() > 1 && out.digits.back() == '0') out.digits.pop_back();
  if (out.digits != "0") out.point = std::stoi(text.substr(e + 1)) + 1;
  return out;
}

// Python's layout of digits (format_float_short): codes e, f, g and r (repr), `dot_zero` for an
// empty type.
std::string layout(double magnitude, char code, std::int64_t precision, bool dot_zero,
                   bool alternate) {
  if (code == 'f') {
    std::string text = chars_of(magnitude, std::chars_format::fixed, precision);
    return alternate && precision == 0 ? text + '.' : text;
  }
  if (code == 'g' && precision == 0) precision = 1;
  Decimal d = decimal(magnitude, code == 'r' ? -1 : code == 'e' ? precision + 1 : precision);
  auto end = static_cast<std::int64_t>(d.digits.size());
  bool scientific = code == 'e';
  if (code == 'e') end = precision + 1;
  if (code == 'g') {
    scientific = d.point <= -4 || d.point > precision - (dot_zero ? 1 : 0);
    if (alternate) end = precision;
  }
  if (code == 'r') scientific = d.point <= -4 || d.point > 16;
  const std::int64_t exponent = d.point - 1;
  if (scientific) d.point = 1;
  end = std::max(end, dot_zero && !scientific ? d.point + 1 : d.point);
  std::string text;
  for (std::int64_t i = std::min<std::int64_t>(0, d.point - 1); i < end; ++i) {
    if (i == d.point) text += '.';
    text += i >= 0 && i < static_cast<std::int64_t>(d.digits.size())
                ? d.digits[static_cast<std::size_t>(i)]
                : '0';
  }
  if (alternate && text.find('.') == std::string::npos) text += '.';
  if (!scientific) return text;
  const std::string power = std::to_string(std::abs(exponent));
  return text + 'e' + (exponent < 0 ? '-' : '+') + (power.size() < 2 ? "0" : "") + power;
}

std::string format_float(double value, const Spec& spec, const char* type) {
  if (spec.type && !std::strchr("eEfFgGn%", spec.type))
    unknown_code(std::string(1, spec.type), type);
  char code = spec.type;
  const bool dot_zero = code == 0, percent = code == '%', upper = code && std::strchr("EFG", code);
  if (code == 0)
    code = spec.precision < 0 ? 'r' : 'g';
  else if (code == 'n')
    code = 'g';
  else if (percent)
    code = 'f';
  else if (upper)
    code = static_cast<char>(code - 'A' + 'a');
  if (percent) value *= 100;

  Pieces pieces;
  pieces.negative = std::signbit(value) && !std::isnan(value);
  std::string text;
  if (std::isnan(value))
    text = "nan";
  else if (std::isinf(value))
    text = "inf";
  else
    text = layout(std::fabs(value), code, spec.precision < 0 ? 6 : spec.precision, dot_zero,
                  spec.alternate);
  if (spec.no_negative_zero && std::isfinite(value) &&
      text.substr(0, text.find('e')).find_first_of("123456789") == std::string::npos)
    pieces.negative = false;
  if (upper)
    for (char& c : text)
      if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  const std::size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  pieces.digits = text.substr(0, whole);
  pieces.rest = text.substr(whole) + (percent ? "%" : "");
  pieces.rest_width = pieces.rest.size();
  return assemble(pieces, spec);
}

std::string utf8(std::uint32_t c) {
  auto byte = [](std::uint32_t b) { return static_cast<char>(b); };
  auto tail = [&](int shift) { return byte(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {byte(0xE0 | c >> 12), tail(6), tail(0)};
  return {byte(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

std::string format_character(std::int64_t value, const Spec& spec, bool sign_given) {
  if (sign_given) throw ValueError("Sign not allowed with integer format specifier 'c'");
  if (spec.alternate)
    throw ValueError("Alternate form (#) not allowed with integer format specifier 'c'");
  if (value < 0 || value > 0x10ffff) throw ValueError("%c arg not in range(0x110000)");
  return assemble({false, "", "", utf8(static_cast<std::uint32_t>(value)), 1}, spec);
}

std::string format_int(std::int64_t value, const Spec& spec) {
  if (spec.precision >= 0) throw ValueError("Precision not allowed in integer format specifier");
  if (spec.no_negative_zero)
    throw ValueError("Negative zero coercion (z) not allowed in integer format specifier");
  if (spec.type == 'c') return format_character(value, spec, spec.sign != '-');
  const int base = spec.type == 'b'                       ? 2
                   : spec.type == 'o'                     ? 8
                   : spec.type == 'x' || spec.type == 'X' ? 16
                                                          : 10;
  const auto magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  char buffer[64];
  Pieces pieces;
  pieces.negative = value < 0;
  pieces.digits.assign(buffer, std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr);
  if (spec.alternate && base != 10) pieces.prefix = std::string("0") + spec.type;
  if (spec.type == 'X')
    for (char& c : pieces.digits)
      if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  return assemble(pieces, spec);
}

}  // namespace

std::string python_format(FormatArgument value, std::string_view spec) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (spec.empty())
    return integer ? std::to_string(*integer) : python_repr(std::get<double>(value));
  const char* type = integer ? "int" : "float";
  const Spec parsed = SpecParser(spec, type).parse();
  if (!integer) return format_float(std::get<double>(value), parsed, type);
  if (!parsed.type || std::strchr("bcdoxXn", parsed.type)) return format_int(*integer, parsed);
  return format_float(static_cast<double>(*integer), parsed, type);
}

}  // namespace levin
