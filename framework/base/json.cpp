// A parser of our own: errors need exact positions, and duplicate keys must be seen.
#include "levin/framework/base/json.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "levin/framework/base/codec/utf8.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

constexpr int max_depth = 64;
constexpr std::size_t max_bytes = 16u << 20;

class Parser {
 public:
  Parser(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  Value document() {
    if (text_.size() > max_bytes) fail("the text is longer than 16 MiB");
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
    Value out = value(0);
    skip_space();
    if (at_ < text_.size()) fail("unexpected text after the end of the document");
    return out;
  }

 private:
  [[noreturn]] void fail_at(std::size_t position, const std::string& what) const {
    std::size_t line = 1, begin = 0;
    for (std::size_t i = 0; i < position && i < text_.size(); ++i)
      if (text_[i] == '\n') ++line, begin = i + 1;
    throw ValueError((source_.empty() ? "" : source_ + ":") + std::to_string(line) + ":" + std::to_string(position - begin + 1) + ": " + what);
  }
  [[noreturn]] void fail(const std::string& what) const { fail_at(at_, what); }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::string found() const {
    if (at_ >= text_.size()) return "the end of the text";
    return "'" + std::string(1, text_[at_]) + "'";
  }

  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else if (text_.substr(at_, 2) == "//") {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (text_.substr(at_, 2) == "/*") {
        const auto end = text_.find("*/", at_ + 2);
        if (end == text_.npos) fail("a comment that begins here has no end");
        at_ = end + 2;
      } else {
        return;
      }
    }
  }

  Value value(int depth) {
    skip_space();
    if (depth > max_depth) fail("more than 64 levels of nesting");
    switch (peek()) {
      case '{': return object(depth);
      case '[': return array(depth);
      case '"': return string();
      case 't': return word("true", true);
      case 'f': return word("false", false);
      case 'n': return word("null", Value());
      default: return number();
    }
  }

  Value word(std::string_view expected, Value meaning) {
    if (text_.substr(at_, expected.size()) != expected) fail("expected a value, found " + found());
    at_ += expected.size();
    return meaning;
  }

  Value object(int depth) {
    Dict out;
    ++at_;
    skip_space();
    if (peek() == '}') return ++at_, Value(std::move(out));
    while (true) {
      skip_space();
      if (peek() != '"') fail("expected a key in double quotes, found " + found());
      const std::size_t key_at = at_;
      const std::string key = string();
      if (out.find(std::string_view(key))) fail_at(key_at, "the key \"" + key + "\" is given twice");
      skip_space();
      if (peek() != ':') fail("expected ':' after the key \"" + key + "\", found " + found());
      ++at_;
      out.set(key, value(depth + 1));
      skip_space();
      if (peek() == '}') return ++at_, Value(std::move(out));
      if (peek() != ',') fail("expected ',' or '}' in an object, found " + found());
      ++at_;
    }
  }

  Value array(int depth) {
    Value out = Value::list();
    ++at_;
    skip_space();
    if (peek() == ']') return ++at_, out;
    while (true) {
      out.push_back(value(depth + 1));
      skip_space();
      if (peek() == ']') return ++at_, out;
      if (peek() != ',') fail("expected ',' or ']' in a list, found " + found());
      ++at_;
    }
  }

  unsigned hex4() {
    unsigned code = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || end != digits.data() + 4) fail("expected four hexadecimal digits after \\u");
    at_ += 4;
    return code;
  }

  static void append_utf8(std::string& out, unsigned code) {
    const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
    if (code < 0x80) put(code);
    else if (code < 0x800) put(0xc0 | code >> 6), put(0x80 | (code & 63));
    else if (code < 0x10000) put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
    else put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 63)), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
  }

  std::string string() {
    const std::size_t begin = at_++;
    std::string out;
    while (true) {
      if (at_ >= text_.size() || text_[at_] == '\n') fail_at(begin, "a string that begins here has no end on its line");
      const char c = text_[at_];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string must be written as \\u00XX");
      ++at_;
      if (c != '\\') {
        out += c;
        continue;
      }
      const char escape = peek();
      ++at_;
      switch (escape) {
        case '"': case '\\': case '/': out += escape; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u': {
          unsigned code = hex4();
          if (code >= 0xd800 && code < 0xdc00) {
            if (text_.substr(at_, 2) != "\\u") fail("half of a surrogate pair");
            at_ += 2;
            const unsigned low = hex4();
            if (low < 0xdc00 || low > 0xdfff) fail("half of a surrogate pair");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          } else if (code >= 0xdc00 && code < 0xe000) {
            fail("half of a surrogate pair");
          }
          append_utf8(out, code);
          break;
        }
        default: --at_; fail(std::string("unknown escape '\\") + escape + "' in a string");
      }
    }
    ++at_;
    if (!is_utf8(out)) fail_at(begin, "this string is not valid UTF-8");
    return out;
  }

  Value number() {
    const std::size_t begin = at_;
    const auto digits = [&] {
      const std::size_t from = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      return at_ - from;
    };
    if (peek() == '-') ++at_;
    const bool leading_zero = peek() == '0';
    const std::size_t whole_digits = digits();
    if (whole_digits == 0) {
      at_ = begin;
      fail("expected a value, found " + found());
    }
    if (leading_zero && whole_digits > 1) fail_at(begin, "a number must not begin with 0");
    bool whole = true;
    if (peek() == '.') {
      whole = false;
      ++at_;
      if (digits() == 0) fail("expected a digit after '.', found " + found());
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (digits() == 0) fail("expected the exponent's digits, found " + found());
    }
    const char *first = text_.data() + begin, *last = text_.data() + at_;
    if (whole) {
      std::int64_t out = 0;
      if (std::from_chars(first, last, out).ec != std::errc()) fail_at(begin, "this whole number is beyond 64 bits");
      return out;
    }
    double out = 0;
    if (std::from_chars(first, last, out).ec != std::errc()) fail_at(begin, "this number is out of range");
    return out;
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
};

void write_string(std::string& out, const std::string& text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr char hex[] = "0123456789abcdef";
          out += "\\u00";
          out += hex[c >> 4];
          out += hex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void write_number(std::string& out, double number) {
  if (std::isfinite(number)) out += python_repr(number);
  else out += std::isnan(number) ? "\"nan\"" : number > 0 ? "\"inf\"" : "\"-inf\"";
}

void write(std::string& out, const Value& value, int indent, int level) {
  const auto new_line = [&](int at) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent * at), ' ');
  };
  const auto children = [&](char open, char close, const auto& items, auto&& write_item) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += indent < 0 ? ", " : ",";
      first = false;
      new_line(level + 1);
      write_item(item);
    }
    if (!first) new_line(level);
    out += close;
  };
  switch (value.kind()) {
    case Value::Kind::none: out += "null"; break;
    case Value::Kind::boolean: out += value.as_bool() ? "true" : "false"; break;
    case Value::Kind::integer: out += std::to_string(value.as_int()); break;
    case Value::Kind::floating: write_number(out, value.as_double()); break;
    case Value::Kind::string: write_string(out, value.as_string()); break;
    case Value::Kind::tensor: write_number(out, value.number()); break;
    case Value::Kind::list: case Value::Kind::tuple: case Value::Kind::set:
      children('[', ']', value.items(), [&](const Value& item) { write(out, item, indent, level + 1); });
      break;
    case Value::Kind::dict:
      children('{', '}', value.as_dict(), [&](const Dict::Item& item) {
        write_string(out, item.first.is_string() ? item.first.as_string() : item.first.repr());
        out += ": ";
        write(out, item.second, indent, level + 1);
      });
      break;
    default: throw TypeError("a " + value.type_name() + " can't be written as JSON");
  }
}

}  // namespace

Value parse_json(std::string_view text, const std::string& source_name) { return Parser(text, source_name).document(); }

Value read_json_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || (text.str().empty() && errno != 0)) {
    const std::string what = path + ": " + std::strerror(errno ? errno : EIO);
    if (errno == ENOENT) throw FileNotFoundError(what);
    throw OSError(what);
  }
  return parse_json(text.str(), path);
}

std::string dump_json(const Value& value, int indent) {
  std::string out;
  write(out, value, indent, 0);
  return out;
}

}  // namespace levin
