#include "levin/framework/base/yaml.h"

#include <algorithm>
#include <cmath>

#include "levin/framework/base/codec/utf8.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/yaml_text.h"

namespace levin {
namespace {

/// YAML 1.1 reads a float only with a dot: 1e-05 becomes 1.0e-05.
std::string yaml_float(double number) {
  if (std::isnan(number)) return ".nan";
  if (std::isinf(number)) return number > 0 ? ".inf" : "-.inf";
  std::string text = python_repr(number);
  const auto exponent = text.find('e');
  if (exponent != text.npos && text.find('.') == text.npos) text.insert(exponent, ".0");
  return text;
}

std::string tensor_text(const Value& value) {
  switch (value.as_tensor().dtype) {
    case DType::bool_:
      return value.number() != 0 ? "true" : "false";
    case DType::uint8:
    case DType::int8:
    case DType::int16:
    case DType::uint16:
    case DType::int32:
    case DType::uint32:
    case DType::int64:
    case DType::uint64:
      return python_format(value.number(), ".0f");
    default:
      return yaml_float(value.number());
  }
}

struct Scalar {
  std::u32string text;
  YamlStyle style = YamlStyle::plain;
  std::size_t tag_length =
      0;  // of "!!str": it counts for the length of a key although it is not written
};

std::u32string ascii(std::string_view text) { return {text.begin(), text.end()}; }

Scalar scalar(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::none:
      return {U"null", YamlStyle::plain, 6};
    case Value::Kind::boolean:
      return {value.as_bool() ? U"true" : U"false", YamlStyle::plain, 6};
    case Value::Kind::integer:
      return {ascii(std::to_string(value.as_int())), YamlStyle::plain, 5};
    case Value::Kind::floating:
      return {ascii(yaml_float(value.as_double())), YamlStyle::plain, 7};
    case Value::Kind::tensor:
      return {ascii(tensor_text(value)), YamlStyle::plain, 7};
    case Value::Kind::string: {
      const std::string& bytes = value.as_string();
      if (!is_python_utf8(bytes))
        throw ValueError("the text " + value.repr(80) +
                         " is not UTF-8 and can't be written as YAML");
      std::u32string text = code_points(bytes);
      const YamlStyle style = yaml_style(text);
      return {std::move(text), style, 5};
    }
    default:
      throw TypeError("a " + value.type_name() + " can't be written as YAML");
  }
}

bool is_sequence(const Value& value) { return value.is_list() || value.is_tuple(); }
bool is_block(const Value& value) {
  return (value.is_dict() || is_sequence(value)) && value.size() > 0;
}

/// As Python sorts them: texts by code points, numbers by size; keys that do not compare stay as
/// they are.
std::vector<const Dict::Item*> sorted_items(const Dict& dict) {
  std::vector<const Dict::Item*> items;
  for (const Dict::Item& item : dict) items.push_back(&item);
  const auto all = [&](auto&& is) {
    return std::all_of(items.begin(), items.end(),
                       [&](const auto* item) { return is(item->first); });
  };
  if (all([](const Value& key) { return key.is_string(); })) {
    std::sort(items.begin(), items.end(), [](const auto* a, const auto* b) {
      return a->first.as_string() < b->first.as_string();
    });
  } else if (all([](const Value& key) { return key.is_number() || key.is_bool(); })) {
    const auto size = [](const Value& key) {
      return key.is_bool() ? key.as_bool() : key.as_double();
    };
    std::stable_sort(items.begin(), items.end(),
                     [&](const auto* a, const auto* b) { return size(a->first) < size(b->first); });
  }
  return items;
}

/// Writes block style. A collection's `indent` is the column of its keys or dashes.
class Emitter {
 public:
  explicit Emitter(YamlLines& out) : out_(out) {}

  void document(const Value& value) {
    node(value, -1, Place::root);
    // An unquoted scalar on its own has no other end.
    if (!is_block(value) && !value.is_dict() && !is_sequence(value) &&
        scalar(value).style == YamlStyle::plain)
      out_.new_line(0), out_.indicator("...", false);
    out_.new_line(0);
  }

 private:
  enum class Place { root, item, value, value_below_key };

  void node(const Value& value, int parent, Place place) {
    if (is_block(value)) {
      // A list stands right below its key, not indented.
      const bool below_key = is_sequence(value) && place == Place::value;
      const int indent = place == Place::root ? 0 : below_key ? parent : parent + 2;
      return value.is_dict() ? mapping(value.as_dict(), indent) : sequence(value.items(), indent);
    }
    if (value.is_dict()) return out_.indicator("{}", true);
    if (is_sequence(value)) return out_.indicator("[]", true);
    const Scalar s = scalar(value);
    out_.text(s.text, s.style, std::max(parent, 0) + 2, true);
  }

  void sequence(const List& items, int indent) {
    for (const Value& item : items) {
      out_.new_line(indent);
      out_.indicator("-", true, true);
      node(item, indent, Place::item);
    }
  }

  void mapping(const Dict& dict, int indent) {
    for (const Dict::Item* item : sorted_items(dict)) {
      out_.new_line(indent);
      if (simple_key(item->first, indent)) {
        node(item->second, indent, Place::value);
      } else {
        out_.indicator("?", true, true);
        node(item->first, indent, Place::value_below_key);
        out_.new_line(indent);
        out_.indicator(":", true, true);
        node(item->second, indent, Place::value_below_key);
      }
    }
  }

  /// Writes "key:" if the key is short and on one line.
  bool simple_key(const Value& key, int indent) {
    if (is_block(key)) return false;
    if (is_sequence(key)) {
      out_.indicator("[]", true);
    } else {
      const Scalar s = scalar(key);
      if (s.text.empty() || s.text.size() + s.tag_length >= 128 || has_line_break(s.text))
        return false;
      out_.text(s.text, s.style, indent + 2, false);
    }
    out_.indicator(":", false);
    return true;
  }

  YamlLines& out_;
};

}  // namespace

std::string dump_yaml(const Value& value) {
  YamlLines lines;
  Emitter(lines).document(value);
  return lines.take();
}

}  // namespace levin
