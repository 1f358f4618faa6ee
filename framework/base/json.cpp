#include "levin/framework/base/json.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/problems.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/utf8.h"

namespace levin {
namespace {

constexpr std::size_t kLargestText = 16u << 20;
constexpr int kDeepest = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// A character that stands for itself inside a string.
bool is_plain(char c) { return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20; }

// Counts lines and characters on the way forward through a text.
class LineCounter {
 public:
  LineCounter(std::string_view text, const std::string& source) : text_(text), source_(source) {}
  /// Of an offset that is not before the one asked for last.
  Origin at(std::size_t offset) {
    for (; at_ < offset; ++at_) {
      if (text_[at_] == '\n') ++line_, column_ = 1;
      else if ((static_cast<unsigned char>(text_[at_]) & 0xC0) != 0x80) ++column_;  // only a character's first byte counts
    }
    return {source_, line_, column_};
  }

 private:
  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0, line_ = 1, column_ = 1;
};

// Recursive descent. Positions are byte offsets; an error turns one into a line and a column, and so do `origins` if they are wanted.
class JsonParser {
 public:
  JsonParser(std::string_view text, const std::string& name, Origins* origins)
      : text_(text), name_(name), origins_(origins), lines_(text, name) {}

  Value parse() {
    if (text_.size() > kLargestText) fail(0, "the text is longer than 16 MiB");
    if (const std::size_t valid = utf8::valid_prefix(text_); valid < text_.size())
      fail(valid, "the text is not UTF-8 here");
    if (text_.substr(0, 3) == "\xEF\xBB\xBF")
      fail(0, "the text starts with a byte order mark; save it as UTF-8 without one");
    skip_space();
    note_place(pos_, pos_);
    Value out = value();
    skip_space();
    if (!at_end()) fail(pos_, "expected nothing after the value, got " + here());
    return out;
  }

 private:
  bool at_end() const { return pos_ == text_.size(); }
  char peek(std::size_t ahead = 0) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }
  bool accept(char c) {
    if (at_end() || peek() != c) return false;
    ++pos_;
    return true;
  }

  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw ValueError(name_ + ":" + place(at) + ": " + what);
  }

  std::string place(std::size_t at) const {
    const Origin origin = LineCounter(text_, name_).at(at);
    return std::to_string(origin.line) + ":" + std::to_string(origin.column);
  }

  // The key and the value at the current path begin here.
  void note_place(std::size_t key, std::size_t value) {
    if (!origins_) return;
    const Origin key_origin = lines_.at(key);
    origins_->set(path_, {key_origin, lines_.at(value)});
  }

  // Reads an item whose path is one step further in.
  Value item(std::string_view step, std::size_t key) {
    if (!origins_) return value();
    const std::size_t before = path_.size();
    path_ = join_place(path_, step);
    note_place(key, pos_);
    Value out = value();
    path_.resize(before);
    return out;
  }

  // What stands at the position, for a message: a whole word where there is one.
  std::string here() const {
    if (at_end()) return "the end of the text";
    if (const auto w = word(); !w.empty()) return "'" + std::string(w) + "'";
    return python_repr(text_.substr(pos_, utf8::decode(text_, pos_).bytes));
  }

  std::string_view word() const {
    std::size_t n = 0;
    while (n < 40 && is_word(peek(n))) ++n;
    return text_.substr(pos_, n);
  }

  void skip_space() {
    while (!at_end()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') ++pos_;
      else if (c == '/') skip_comment();
      else return;
    }
  }

  void skip_comment() {
    const std::size_t start = pos_;
    std::size_t end = 0;
    if (peek(1) == '/') {
      end = std::min(text_.find('\n', pos_), text_.size());
    } else if (peek(1) == '*') {
      end = text_.find("*/", pos_ + 2);
      if (end == text_.npos) fail(start, "the comment is not closed; expected */");
      end += 2;
    } else {
      fail(start, "expected a comment (// or /*) after '/'");
    }
    pos_ = end;
  }

  Value value() {
    switch (peek()) {
      case '{': return nested(&JsonParser::object);
      case '[': return nested(&JsonParser::array);
      case '"': return string();
      case '\'': fail(pos_, "strings stand in double quotes");
      default: break;
    }
    const bool negative = peek() == '-' && (is_digit(peek(1)) || !is_word(peek(1)));
    return negative || is_digit(peek()) ? number() : literal();
  }

  Value literal() {
    const std::size_t start = pos_;
    const std::size_t sign = peek() == '-' || peek() == '+' ? 1 : 0;
    pos_ += sign;
    const std::string_view found = word();
    pos_ = start;
    const auto is = [&](auto... names) { return ((found == names) || ...); };
    if (is("NaN", "nan", "Infinity", "inf", "Inf"))
      fail(start, "JSON has no " + std::string(text_.substr(start, sign + found.size())) +
                      "; write null or a finite number");
    if (sign == 0) {
      pos_ += found.size();
      if (is("true")) return true;
      if (is("false")) return false;
      if (is("null")) return {};
      pos_ = start;
      if (is("True")) fail(start, "JSON writes true, not True");
      if (is("False")) fail(start, "JSON writes false, not False");
      if (is("None")) fail(start, "JSON writes null, not None");
    } else if (peek() == '+') {
      fail(start, "a number has no '+' in front");
    }
    if (peek() == '.' && is_digit(peek(1))) fail(start, "a number starts with a digit: 0.5, not .5");
    fail(start, "expected a value, got " + here());
  }

  // Keeps the recursion, and so the stack, bounded.
  Value nested(Value (JsonParser::*container)()) {
    if (++depth_ > kDeepest) fail(pos_, "nested deeper than " + std::to_string(kDeepest) + " levels");
    Value out = (this->*container)();
    --depth_;
    return out;
  }

  // After an item: true if another one follows. `open` is where the container began.
  bool another(char close, std::size_t open) {
    skip_space();
    if (accept(close)) return false;
    const std::string pair = close == '}' ? "{" : "[";
    if (at_end()) fail(open, "'" + pair + "' is not closed; expected '" + close + "' before the end of the text");
    const std::size_t comma = pos_;
    if (!accept(',')) fail(pos_, std::string("expected ',' or '") + close + "', got " + here());
    skip_space();
    if (!at_end() && peek() == close) fail(comma, std::string("a comma before '") + close + "'");
    return true;
  }

  Value array() {
    const std::size_t open = pos_++;
    List items;
    skip_space();
    if (accept(']')) return Value::list();
    do {
      skip_space();
      if (at_end()) fail(open, "'[' is not closed; expected ']' before the end of the text");
      items.push_back(item("[" + std::to_string(items.size()) + "]", pos_));
    } while (another(']', open));
    return Value::list(std::move(items));
  }

  Value object() {
    const std::size_t open = pos_++;
    Dict dict;
    std::vector<std::size_t> starts;  // of the keys, in the dict's order
    skip_space();
    if (accept('}')) return dict;
    do {
      skip_space();
      if (at_end()) fail(open, "'{' is not closed; expected '}' before the end of the text");
      if (peek() == '\'') fail(pos_, "keys stand in double quotes");
      if (peek() != '"') fail(pos_, "expected a key in double quotes, got " + here());
      const std::size_t start = pos_;
      const std::string key = string();
      if (dict.find(key)) duplicate(dict, starts, key, start);
      skip_space();
      if (!accept(':')) fail(pos_, "expected ':' after the key " + python_repr(key) + ", got " + here());
      skip_space();
      dict[key] = item(key, start);
      starts.push_back(start);
    } while (another('}', open));
    return dict;
  }

  [[noreturn]] void duplicate(const Dict& dict, const std::vector<std::size_t>& starts, const std::string& key,
                              std::size_t at) const {
    const auto is_key = [&](const Dict::Item& item) { return item.first.as_string() == key; };
    const auto first = std::find_if(dict.begin(), dict.end(), is_key);
    const std::size_t first_at = starts[static_cast<std::size_t>(std::distance(dict.begin(), first))];
    fail(at, "the key " + python_repr(key) + " is given twice; first at " + place(first_at));
  }

  std::string string() {
    const std::size_t open = pos_++;
    std::string out;
    while (true) {
      std::size_t plain = pos_;
      while (plain < text_.size() && is_plain(text_[plain])) ++plain;
      out.append(text_, pos_, plain - pos_);
      pos_ = plain;
      if (at_end()) fail(open, "the string is not closed; expected '\"'");
      if (accept('"')) return out;
      if (peek() == '\n' || peek() == '\r') fail(pos_, "the line ends inside a string; write \\n, or close the string");
      if (peek() != '\\') fail(pos_, "a control character inside a string; write it as " + escape_of(peek()));
      escape(out);
    }
  }

  static std::string escape_of(char c) {
    if (c == '\t') return "\\t";
    constexpr char hex[] = "0123456789abcdef";
    return std::string("\\u00") + hex[(c >> 4) & 15] + hex[c & 15];
  }

  void escape(std::string& out) {
    constexpr std::string_view codes = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const std::size_t start = pos_++;
    if (at_end()) fail(start, "the string is not closed; expected '\"'");
    if (const std::size_t i = codes.find(peek()); i != codes.npos) {
      out += meanings[i];
      ++pos_;
      return;
    }
    if (!accept('u')) {
      const std::size_t length = 1 + utf8::decode(text_, pos_).bytes;
      fail(start, "unknown escape '" + std::string(text_.substr(start, length)) + "' in a string");
    }
    std::uint32_t point = hex4(start);
    if (point >= 0xDC00 && point < 0xE000) fail(start, "the second half of a surrogate pair without the first");
    if (point >= 0xD800 && point < 0xDC00) {
      const std::size_t second = pos_;
      const bool follows = accept('\\') && accept('u');
      const std::uint32_t low = follows ? hex4(second) : 0;
      if (low < 0xDC00 || low >= 0xE000) fail(start, "the first half of a surrogate pair without the second");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    utf8::append(out, point);
  }

  std::uint32_t hex4(std::size_t start) {
    std::uint32_t point = 0;
    const char* const first = text_.data() + pos_;
    const std::size_t n = std::min<std::size_t>(4, text_.size() - pos_);
    if (std::from_chars(first, first + n, point, 16).ptr != first + 4)
      fail(start, "\\u wants four hexadecimal digits");
    pos_ += 4;
    return point;
  }

  void digits(std::size_t start, const char* where) {
    if (!is_digit(peek())) fail(start, std::string("a number wants a digit ") + where + ", got " + here());
    while (is_digit(peek())) ++pos_;
  }

  Value number() {
    const std::size_t start = pos_;
    accept('-');
    if (peek() == '0' && is_digit(peek(1))) fail(start, "a number has no leading zero");
    digits(start, "after '-'");
    bool integral = true;
    if (accept('.')) integral = false, digits(start, "after '.'");
    if (accept('e') || accept('E')) {
      integral = false;
      if (!accept('+')) accept('-');
      digits(start, "in its exponent");
    }
    if (is_word(peek()) || peek() == '.') {
      const std::size_t length = pos_ - start + std::max<std::size_t>(word().size(), 1);
      fail(start, "not a number: '" + std::string(text_.substr(start, length)) + "'");
    }
    const std::string_view found = text_.substr(start, pos_ - start);
    const char *const first = found.data(), *const last = first + found.size();
    if (integral) {
      std::int64_t out = 0;
      if (std::from_chars(first, last, out).ec != std::errc())
        fail(start, "the integer " + shortened(found) + " does not fit into 64 bits");
      return out;
    }
    double out = 0;
    if (std::from_chars(first, last, out).ec != std::errc())
      fail(start, "the number " + shortened(found) + " is beyond the range of a float");
    return out;
  }

  static std::string shortened(std::string_view text) {
    return text.size() <= 40 ? std::string(text) : std::string(text.substr(0, 37)) + "...";
  }

  std::string_view text_;
  const std::string& name_;
  Origins* const origins_;
  LineCounter lines_;
  std::string path_;
  std::size_t pos_ = 0;
  int depth_ = 0;
};

[[noreturn]] void throw_system_error(const std::string& path, int code) {
  const std::string message = path + ": " + std::strerror(code);
  if (code == ENOENT) throw FileNotFoundError(message);
  throw OSError(message);
}

}  // namespace

Value parse_json(std::string_view text, const std::string& source_name, Origins* origins) {
  return JsonParser(text, source_name, origins).parse();
}

Value read_json_file(const std::string& path, Origins* origins) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw_system_error(path, errno);
  std::string text;
  char buffer[1 << 16];
  // One byte more than is allowed is enough for the parser to refuse, however long the file is.
  while (text.size() <= kLargestText) {
    const std::size_t n = std::fread(buffer, 1, sizeof buffer, file.get());
    if (n == 0) break;
    text.append(buffer, n);
  }
  if (std::ferror(file.get())) throw_system_error(path, errno);
  return parse_json(text, path, origins);
}

}  // namespace levin
