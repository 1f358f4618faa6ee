#include "levin/framework/base/yaml.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/tensor_item.h"
#include "levin/framework/base/utf8.h"
#include "levin/framework/base/yaml_scalar.h"

namespace levin {
namespace {

using yaml::Style;

constexpr std::size_t kWidth = 80;           // a line is folded at the first space beyond
constexpr std::size_t kLongestKey = 128;     // from here on a key is written "? key", its tag ("!!str") counted in

// Characters on lines. A mark or a scalar that needs it is set apart by one space from what stands before.
class Lines {
 public:
  void put(std::string_view text) {
    out_ += text;
    column_ += text.size();
    spaced_ = fresh_ = false;
  }
  void apart(std::string_view text) {
    if (!spaced_) put(" ");
    put(text);
  }
  // "- ", "? " and ": " may be followed by more on their line, as if it had just begun.
  void bullet(std::string_view text) {
    const bool was_fresh = fresh_;
    apart(text);
    fresh_ = was_fresh;
  }
  void line_break() {
    out_ += '\n';
    column_ = 0;
    spaced_ = fresh_ = true;
  }
  // Moves to column `indent`, on a new line unless this one has only bullets left of it.
  void indent(std::size_t indent) {
    if (!fresh_ || column_ > indent || (column_ == indent && !spaced_)) line_break();
    if (column_ < indent) {
      out_.append(indent - column_, ' ');
      column_ = indent;
      spaced_ = true;
    }
  }
  std::size_t column() const { return column_; }
  bool fresh() const { return fresh_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::size_t column_ = 0;
  bool spaced_ = true;  // the last character is white
  bool fresh_ = true;   // nothing but spaces and bullets on this line
};

// Writes one scalar; further lines start at `indent`. A key is never folded.
class ScalarWriter {
 public:
  ScalarWriter(Lines& lines, std::size_t indent, bool fold) : lines_(lines), indent_(indent), fold_(fold) {}

  void write(std::string_view text, Style style) {
    if (style == Style::plain) plain(text);
    else if (style == Style::single_quoted) single_quoted(text);
    else double_quoted(text);
  }

 private:
  bool full() const { return fold_ && lines_.column() > kWidth; }

  // Where a run of `run` spaces stands between two words: a single one may become a line break.
  void spaces(std::size_t run, bool inner) {
    if (run == 1 && inner && full()) lines_.indent(indent_);
    else lines_.put(std::string(run, ' '));
  }

  void plain(std::string_view text) {
    lines_.apart("");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t space = std::min(text.find(' ', at), text.size());
      lines_.put(text.substr(at, space - at));
      at = std::min(text.find_first_not_of(' ', space), text.size());
      if (at > space) spaces(at - space, true);
    }
  }

  void single_quoted(std::string_view text) {
    lines_.apart("'");
    for (std::size_t at = 0; at < text.size();) {
      const char c = text[at];
      const bool white = c == ' ' || c == '\n';
      const std::size_t found = white ? text.find_first_not_of(c, at) : text.find_first_of(" \n'", at);
      const std::size_t end = std::min(found, text.size());
      if (c == '\'') {
        lines_.put("''");
        ++at;
        continue;
      }
      if (c == ' ') {
        spaces(end - at, at != 0 && end != text.size());
      } else if (c == '\n') {
        for (std::size_t i = at; i <= end; ++i) lines_.line_break();  // one more: a single break reads as a space
        lines_.indent(indent_);
      } else {
        lines_.put(text.substr(at, end - at));
      }
      at = end;
    }
    lines_.put("'");
  }

  static std::string escaped(std::uint32_t point) {
    constexpr std::pair<std::uint32_t, char> names[] = {
        {0, '0'},  {7, 'a'},    {8, 'b'},   {9, 't'},     {10, 'n'},   {11, 'v'},   {12, 'f'},     {13, 'r'},
        {27, 'e'}, {'"', '"'}, {'\\', '\\'}, {0x85, 'N'}, {0xA0, '_'}, {0x2028, 'L'}, {0x2029, 'P'}};
    for (const auto& [character, name] : names)
      if (character == point) return {'\\', name};
    if (point >= ' ' && point <= '~') return {static_cast<char>(point)};
    const auto hex = [&](const char* lead, const char* spec) { return lead + python_format(std::int64_t{point}, spec); };
    return point <= 0xFF ? hex("\\x", "02X") : point <= 0xFFFF ? hex("\\u", "04X") : hex("\\U", "08X");
  }

  // A full line ends in a backslash, before a space or beside an escape, but not within the first or the last character.
  void double_quoted(std::string_view text) {
    lines_.apart("\"");
    bool after_escape = false;
    for (std::size_t at = 0; at < text.size();) {
      const auto [point, bytes] = utf8::decode(text, at);
      const std::string piece = escaped(point);
      const std::size_t next = at + bytes;
      const bool inner = at > 0 && next < text.size(), plain = piece.size() == 1;
      if (plain && inner && (point == ' ' || after_escape) && full()) fold(point == ' ');
      lines_.put(piece);
      if (!plain && inner && fold_ && lines_.column() > kWidth + 1) fold(text[next] == ' ');
      after_escape = !plain;
      at = next;
    }
    lines_.put("\"");
  }

  void fold(bool before_space) {
    lines_.put("\\");
    lines_.indent(indent_);
    if (before_space) lines_.put("\\");  // keeps the space from being taken for indentation
  }

  Lines& lines_;
  const std::size_t indent_;
  const bool fold_;
};

struct Scalar {
  std::string text;
  Style style = Style::plain;
  std::size_t tag_length = 0;  // of "!!str" and the like, which PyYAML counts though it does not write them
};

class YamlWriter {
 public:
  std::string write(const Value& root) {
    find_shared(root);
    // The root's own lines start at column 0; a scalar's at 2.
    node(root, kNoIndent, false);
    lines_.indent(0);
    if (!is_container(root) && scalar(root).style == Style::plain) lines_.put("...\n");
    return lines_.take();
  }

 private:
  static constexpr std::size_t kNoIndent = static_cast<std::size_t>(-1);

  static bool is_container(const Value& value) { return value.is_list() || value.is_tuple() || value.is_dict(); }

  static std::vector<const Dict::Item*> sorted(const Dict& dict) {
    std::vector<const Dict::Item*> items;
    for (const auto& item : dict) items.push_back(&item);
    const auto sort_if = [&](auto&& comparable, auto&& key_of) {
      if (!std::all_of(items.begin(), items.end(), [&](const auto* item) { return comparable(item->first); })) return;
      const auto less = [&](const auto* a, const auto* b) { return key_of(a->first) < key_of(b->first); };
      std::stable_sort(items.begin(), items.end(), less);
    };
    sort_if([](const Value& key) { return key.is_string(); }, [](const Value& key) { return std::string_view(key.as_string()); });
    sort_if([](const Value& key) { return key.is_number() || key.is_bool(); }, [](const Value& key) { return key.number(); });
    return items;
  }

  // Names the containers that occur more than once, in the order of their second occurrence.
  void find_shared(const Value& value) {
    if (!is_container(value) || (value.is_tuple() && value.size() == 0)) return;
    const auto [entry, is_new] = anchors_.emplace(value.identity(), Anchor());
    if (!is_new) {
      if (entry->second.name.empty()) entry->second.name = "id" + python_format(++named_, "03d");
      return;
    }
    if (value.is_dict()) {
      for (const auto* item : sorted(value.as_dict())) find_shared(item->second);
    } else {
      for (const Value& item : value.items()) find_shared(item);
    }
  }

  // `indent` is that of the container around; `in_mapping` says that this is a dict's value.
  void node(const Value& value, std::size_t indent, bool in_mapping) {
    if (!is_container(value)) {
      const Scalar s = scalar(value);
      ScalarWriter(lines_, indent == kNoIndent ? 2 : indent + 2, true).write(s.text, s.style);
      return;
    }
    if (const auto found = anchors_.find(value.identity()); found != anchors_.end() && !found->second.name.empty()) {
      if (found->second.written) return lines_.apart("*" + found->second.name);
      found->second.written = true;
      lines_.apart("&" + found->second.name);
    }
    if (value.is_tuple()) lines_.apart("!!python/tuple");
    if (value.size() == 0) return lines_.apart(value.is_dict() ? "{}" : "[]");
    const std::size_t length = path_.size();
    const std::size_t inner = indent == kNoIndent ? 0 : indent + 2;
    if (value.is_dict()) mapping(value.as_dict(), inner);
    else sequence(value.items(), in_mapping && !lines_.fresh() ? indent : inner);
    path_.resize(length);
  }

  void sequence(const List& items, std::size_t indent) {
    const std::size_t length = path_.size();
    for (std::size_t i = 0; i < items.size(); ++i) {
      path_.resize(length);
      path_ += "[" + std::to_string(i) + "]";
      lines_.indent(indent);
      lines_.bullet("-");
      node(items[i], indent, false);
    }
  }

  void mapping(const Dict& dict, std::size_t indent) {
    const std::size_t length = path_.size();
    for (const auto* item : sorted(dict)) {
      path_.resize(length);
      path_ += (length == 0 ? "" : ".") + (item->first.is_string() ? item->first.as_string() : item->first.repr(40));
      if (is_container(item->first)) refuse(item->first);
      const Scalar key = scalar(item->first);
      const bool simple = is_simple(key);
      lines_.indent(indent);
      if (!simple) lines_.bullet("?");
      ScalarWriter(lines_, indent + 2, !simple).write(key.text, key.style);
      if (!simple) lines_.indent(indent);
      if (simple) lines_.put(":");
      else lines_.bullet(":");
      node(item->second, indent, true);
    }
  }

  // Whether a key may stand before its ':' without a '?': it is short and on one line.
  static bool is_simple(const Scalar& key) {
    constexpr std::string_view breaks[] = {"\n", "\u0085", "\u2028", "\u2029"};
    const auto has = [&](std::string_view text) { return key.text.find(text) != std::string::npos; };
    const auto length = std::count_if(key.text.begin(), key.text.end(), [](char c) { return (c & 0xC0) != 0x80; });
    return !key.text.empty() && key.tag_length + static_cast<std::size_t>(length) < kLongestKey &&
           std::none_of(std::begin(breaks), std::end(breaks), has);
  }

  Scalar scalar(const Value& value) const {
    switch (value.kind()) {
      case Value::Kind::none: return {"null", Style::plain, 6};
      case Value::Kind::boolean: return {value.as_bool() ? "true" : "false", Style::plain, 6};
      case Value::Kind::integer: return {std::to_string(value.as_int()), Style::plain, 5};
      case Value::Kind::floating: return {number(value.as_double()), Style::plain, 7};
      case Value::Kind::string: break;
      case Value::Kind::tensor:
        if (value.as_tensor().numel() == 1) return scalar(tensor_item(value.as_tensor()));
        refuse(value);
      default: refuse(value);
    }
    const std::string& text = value.as_string();
    if (utf8::valid_prefix(text) < text.size())
      throw ValueError("the str " + python_repr(text) + " is not UTF-8" + place());
    return {text, yaml::style_of(text), 5};
  }

  // YAML 1.1 knows a float by its dot.
  static std::string number(double value) {
    if (std::isnan(value)) return ".nan";
    if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
    std::string text = python_repr(value);
    if (const std::size_t e = text.find('e'); text.find('.') == text.npos && e != text.npos) text.insert(e, ".0");
    return text;
  }

  std::string place() const { return path_.empty() ? "" : " (at " + path_ + ")"; }

  [[noreturn]] void refuse(const Value& value) const {
    throw TypeError("can't write " + value.type_name() + " " + value.repr(80) + " to YAML" + place() +
                    "; allowed are None, bool, int, float, str, list, tuple, dict and a tensor of one element");
  }

  struct Anchor {
    std::string name;  // empty for what occurs once
    bool written = false;
  };
  Lines lines_;
  std::map<const void*, Anchor> anchors_;
  std::int64_t named_ = 0;
  std::string path_;
};

}  // namespace

std::string dump_yaml(const Value& value) { return YamlWriter().write(value); }

}  // namespace levin
