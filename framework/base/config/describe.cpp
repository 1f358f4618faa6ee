#include <algorithm>

#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/plural.h"
#include "levin/framework/base/json.h"

namespace levin {
namespace {

// `text` in lines of at most `width` characters, broken between words; all but the first begin with `indent` spaces.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::string out, line;
  const auto flush = [&] {
    out += (out.empty() ? "" : "\n" + std::string(indent, ' ')) + line;
    line.clear();
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (!line.empty() && line.size() + 1 + word.size() > width) flush();
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  flush();
  return out;
}

std::string default_text(const Value& value) { return dump_json(value, -1); }

}  // namespace

std::string options_text(const std::vector<FieldDescription>& fields, const std::string& prefix, int columns) {
  constexpr std::size_t indent = 10;
  const std::size_t width = static_cast<std::size_t>(std::max(columns, 40)) - indent;
  std::string out;
  for (const FieldDescription& field : fields) {
    out += "  " + prefix + field.name + "  " + field.type + " = " + default_text(field.default_value) + "\n";
    out += std::string(indent, ' ') + wrapped(field.doc, width, indent) + "\n";
    if (!field.nested.empty()) out += options_text(field.nested, prefix + field.name + ".", columns);
  }
  return out;
}

std::string list_text(const Catalog& catalog) {
  std::string out;
  for (const auto& [kind, classes] : catalog.kinds) {
    if (classes.empty()) continue;
    out += (out.empty() ? "" : "\n") + plural(kind) + ":\n";
    for (const ClassDescription& one : classes) {
      std::string names;
      for (const FieldDescription& field : one.fields) names += (names.empty() ? "" : ", ") + field.name;
      out += "  " + one.name + "(" + wrapped(names, 90 - std::min<std::size_t>(one.name.size(), 40), 4 + one.name.size()) + ")\n";
    }
  }
  return out;
}

}  // namespace levin
