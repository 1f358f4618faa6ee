#include "levin/framework/base/yaml.h"

#include <algorithm>
#include <cmath>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

// YAML 1.1 reads a float only with a dot: 1e-05 becomes 1.0e-05.
std::string yaml_float(double number) {
  if (std::isnan(number)) return ".nan";
  if (std::isinf(number)) return number > 0 ? ".inf" : "-.inf";
  std::string text = python_repr(number);
  const auto exponent = text.find('e');
  if (exponent != text.npos && text.find('.') == text.npos) text.insert(exponent, ".0");
  return text;
}

// Plain text unless YAML would read it as something else.
bool needs_quotes(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  static const char* const words[] = {"true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"};
  std::string lower;
  for (const char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* word : words)
    if (lower == word) return true;
  if (std::string_view("!&*%@`'\"#|>[]{},").find(text.front()) != std::string_view::npos) return true;
  if (std::string_view("-?:").find(text.front()) != std::string_view::npos && (text.size() == 1 || text[1] == ' ')) return true;
  if (text.find(": ") != text.npos || text.find(" #") != text.npos || text.back() == ':') return true;
  const auto number_like = [](char c) { return (c >= '0' && c <= '9') || std::string_view("+-.eE_:").find(c) != std::string_view::npos; };
  return std::all_of(text.begin(), text.end(), number_like) && text.find_first_of("0123456789") != text.npos;
}

std::string scalar(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::none: return "null";
    case Value::Kind::boolean: return value.as_bool() ? "true" : "false";
    case Value::Kind::integer: return std::to_string(value.as_int());
    case Value::Kind::floating: return yaml_float(value.as_double());
    case Value::Kind::tensor: return yaml_float(value.number());
    case Value::Kind::string: {
      const std::string& text = value.as_string();
      if (text.find('\n') != text.npos || text.find('\t') != text.npos) {
        std::string out = "\"";
        for (const char c : text) {
          if (c == '\n') out += "\\n";
          else if (c == '\t') out += "\\t";
          else if (c == '"' || c == '\\') (out += '\\') += c;
          else out += c;
        }
        return out + "\"";
      }
      if (!needs_quotes(text)) return text;
      std::string out = "'";
      for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
      return out + "'";
    }
    default: throw TypeError("a " + value.type_name() + " can't be written as YAML");
  }
}

bool is_block(const Value& value) {
  return (value.is_dict() || value.is_list() || value.is_tuple()) && value.size() > 0;
}

void write(std::string& out, const Value& value, int indent, bool in_list) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  bool first = true;
  const auto begin_line = [&] {
    // The first line of a block within a list stands behind its dash.
    if (!(first && in_list)) out += margin;
    first = false;
  };
  if (value.is_dict()) {
    std::vector<const Dict::Item*> items;
    for (const Dict::Item& item : value.as_dict()) items.push_back(&item);
    std::sort(items.begin(), items.end(), [](const auto* a, const auto* b) { return scalar(a->first) < scalar(b->first); });
    for (const Dict::Item* item : items) {
      begin_line();
      out += scalar(item->first) + ":";
      if (is_block(item->second)) {
        out += '\n';
        // PyYAML does not indent a list under its key.
        write(out, item->second, item->second.is_dict() ? indent + 2 : indent, false);
      } else {
        out += ' ';
        write(out, item->second, 0, true);
      }
    }
  } else if (is_block(value)) {
    for (const Value& item : value.items()) {
      begin_line();
      out += "- ";
      write(out, item, indent + 2, true);
    }
  } else {
    out += (value.is_dict() ? "{}" : value.is_list() || value.is_tuple() ? "[]" : scalar(value)) + "\n";
  }
}

}  // namespace

std::string dump_yaml(const Value& value) {
  std::string out;
  if (value.is_dict() && value.size() == 0) return "{}\n";
  write(out, value, 0, false);
  return out;
}

}  // namespace levin
