#include "levin/framework/base/config/report.h"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace levin {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool speaks_of(const std::string& message, const std::string& name) {
  for (std::size_t at = message.find(name); at != message.npos; at = message.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !is_word(message[at - 1])) && (end == message.size() || !is_word(message[end]))) return true;
  }
  return false;
}

const Value* value_at(const Value& config, std::string_view path) {
  const Value* at = &config;
  while (at && !path.empty()) {
    if (path.front() == '[') {
      const std::size_t close = path.find(']');
      const std::size_t index = std::stoul(std::string(path.substr(1, close - 1)));
      at = at->is_list() && index < at->size() ? &at->items()[index] : nullptr;
      path.remove_prefix(close + 1);
    } else {
      const std::size_t end = std::min(path.find_first_of(".["), path.size());
      at = at->find(path.substr(0, end));
      path.remove_prefix(end);
    }
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return at;
}

// A constructor's error is about its class as a whole, but often names an option: then it is that option's place which is shown.
std::string place_of(const Config& config, const Problem& problem) {
  if (!problem.key.empty()) return join_place(problem.place, problem.key);
  std::string place = problem.place;
  const Value* options = value_at(config.value, place);
  if (options && options->find("init_args")) options = options->find("init_args"), place = join_place(place, "init_args");
  if (!options || !options->is_dict()) return problem.place;
  const auto option = [&](auto&& is_meant) {
    for (const auto& [key, value] : options->as_dict())
      if (is_meant(key.as_string(), value)) return join_place(place, key.as_string());
    return std::string();
  };
  std::string found = option([&](const std::string& key, const Value&) { return speaks_of(problem.message, key); });
  if (found.empty()) found = option([&](const std::string&, const Value& value) { return value.is_string() && speaks_of(problem.message, value.repr()); });
  return found.empty() ? problem.place : found;
}

Origin origin_of(const Config& config, const Problem& problem) {
  const Origins::Entry entry = config.origins.find(place_of(config, problem));
  return problem.key.empty() ? entry.value : entry.key;
}

// An option's own place also in words.
Problem placed(const Config& config, const Problem& problem) {
  Problem out = problem;
  if (problem.key.empty()) out.place = place_of(config, problem);
  return out;
}

}  // namespace

std::string located_text(const Config& config, const Problem& problem) {
  const std::string where = origin_of(config, problem).text();
  return (where.empty() ? "" : where + ": ") + placed(config, problem).text();
}

void throw_located(const Config& config, const Problems& problems) {
  if (problems.empty()) return;
  std::vector<Problem> sorted = problems.all();
  const auto order = [&](const Problem& p) {
    const Origin origin = origin_of(config, p);
    return std::tuple(origin.source, origin.line, origin.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Problem& a, const Problem& b) { return order(a) < order(b); });
  if (sorted.size() == 1) throw ValueError(located_text(config, sorted.front()));
  std::string text = std::to_string(sorted.size()) + " things are wrong with the configuration:";
  for (const Problem& problem : sorted) text += "\n  " + located_text(config, problem);
  throw ValueError(text);
}

}  // namespace levin
