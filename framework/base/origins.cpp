#include "levin/framework/base/origins.h"

#include "levin/framework/base/problems.h"

namespace levin {

std::string Origin::text() const {
  return line == 0 ? source : source + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string_view parent_place(std::string_view path) {
  const std::size_t cut = path.find_last_of(".[");
  return cut == path.npos ? std::string_view() : path.substr(0, cut);
}

namespace {
bool is_within(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return prefix.empty() || path.size() == prefix.size() || path[prefix.size()] == '.' || path[prefix.size()] == '[';
}
}  // namespace

void Origins::replace(const std::string& path, const Origin& origin) {
  std::erase_if(entries_, [&](const auto& entry) { return is_within(entry.first, path); });
  set(path, {origin, origin});
}

Origins Origins::within(std::string_view prefix) const {
  Origins out;
  for (const auto& [path, entry] : entries_) {
    if (!is_within(path, prefix)) continue;
    std::string_view rest = std::string_view(path).substr(prefix.size());
    if (rest.starts_with('.')) rest.remove_prefix(1);
    out.set(std::string(rest), entry);
  }
  return out;
}

void Origins::overlay(const Origins& other, std::string_view prefix) {
  for (const auto& [path, entry] : other.entries_) set(join_place(prefix, path), entry);
}

Origins::Entry Origins::find(std::string_view path) const {
  while (true) {
    if (const auto found = entries_.find(path); found != entries_.end()) return found->second;
    if (path.empty()) return {};
    path = parent_place(path);
  }
}

}  // namespace levin
