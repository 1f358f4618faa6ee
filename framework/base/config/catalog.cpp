#include "levin/framework/base/config/catalog.h"

#include <algorithm>

namespace levin {
namespace {

bool has_name(const ClassDescription& description, std::string_view class_path) {
  return description.name == class_path.substr(class_path.rfind('.') + 1);
}

// " or " outside of parentheses.
std::size_t find_or(std::string_view type, std::size_t from) {
  int depth = 0;
  for (std::size_t i = from; i < type.size(); ++i) {
    if (type[i] == '(') ++depth;
    else if (type[i] == ')') --depth;
    else if (depth == 0 && type.substr(i).starts_with(" or ")) return i;
  }
  return type.npos;
}

}  // namespace

const ClassDescription* Catalog::find(std::string_view kind, std::string_view class_path) const {
  const auto classes = kinds.find(kind);
  if (classes == kinds.end()) return nullptr;
  const auto found = std::find_if(classes->second.begin(), classes->second.end(), [&](const auto& c) { return has_name(c, class_path); });
  return found == classes->second.end() ? nullptr : &*found;
}

std::vector<std::pair<std::string, const ClassDescription*>> Catalog::named(std::string_view class_path) const {
  std::vector<std::pair<std::string, const ClassDescription*>> out;
  for (const auto& [kind, classes] : kinds)
    if (const ClassDescription* found = find(kind, class_path)) out.emplace_back(kind, found);
  return out;
}

std::string_view section_kind(std::string_view section) {
  if (section == "model") return "module";
  if (section == "data") return "data module";
  if (section == "lr_scheduler") return "lr scheduler";
  return section;
}

std::vector<std::string> type_alternatives(std::string_view type) {
  std::vector<std::string> out;
  for (std::size_t begin = 0;;) {
    const std::size_t end = find_or(type, begin);
    out.emplace_back(type.substr(begin, end == type.npos ? end : end - begin));
    if (end == type.npos) return out;
    begin = end + 4;
  }
}

std::string list_item_type(std::string_view type, std::size_t* length) {
  constexpr std::string_view start = "list of ";
  if (!type.starts_with(start)) return "";
  type.remove_prefix(start.size());
  if (const std::size_t digits = type.find_first_not_of("0123456789"); digits > 0 && digits != type.npos) {
    if (length) *length = std::stoul(std::string(type.substr(0, digits)));
    type.remove_prefix(digits + 1);
  }
  if (type.starts_with('(') && type.ends_with(')')) type = type.substr(1, type.size() - 2);
  return std::string(type);
}

}  // namespace levin
