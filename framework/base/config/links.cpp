#include <algorithm>
#include <map>
#include <set>

#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/config.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

// The value at a dotted path, through `init_args` where they are left out; nullptr if there is none.
Value* find_place(Value& config, std::string_view path) {
  Value* at = &config;
  while (at && !path.empty()) {
    const auto dot = path.find('.');
    const std::string_view key = path.substr(0, dot);
    path = dot == path.npos ? "" : path.substr(dot + 1);
    if (at->find("class_path") && key != "init_args" && key != "class_path") at = at->is_dict() ? at->as_dict().find("init_args") : nullptr;
    at = at && at->is_dict() ? at->as_dict().find(key) : nullptr;
  }
  return at;
}

// With `init_args` left out, so that one place has one name.
std::string short_path(const std::string& path) {
  std::string out = path;
  for (std::size_t at; (at = out.find(".init_args.")) != out.npos;) out.erase(at, std::string_view(".init_args").size());
  return out;
}

std::map<std::string, std::string> sources_by_target(const Value& links) {
  if (!links.is_dict()) throw TypeError("expected a dict of source to target, got " + links.type_name() + " " + links.repr(60));
  std::map<std::string, std::string> out;
  for (const auto& [source, targets] : links.as_dict()) {
    const List list = targets.is_list() ? targets.items() : List{targets};
    for (const Value& target : list) {
      if (!target.is_string()) throw TypeError("'" + source.as_string() + "': expected a path or a list of paths, got " + target.type_name() + " " + target.repr(60));
      const auto [at, is_new] = out.emplace(short_path(target.as_string()), short_path(source.as_string()));
      if (!is_new) throw ValueError("'" + target.as_string() + "' is linked to both '" + at->second + "' and '" + source.as_string() + "'; leave one out");
    }
  }
  return out;
}

}  // namespace

void apply_links(Value& config, const Value& links, const Value& given) {
  if (links.is_none()) return;
  const std::map<std::string, std::string> sources = sources_by_target(links);
  Value as_given = given.clone();
  std::set<std::string> done;
  for (const auto& [target, unused] : sources) {
    // What a source takes from elsewhere comes first: the chain is walked back, then copied along.
    std::vector<std::string> chain;
    for (std::string at = target; sources.contains(at) && !done.contains(at); at = sources.at(at)) {
      if (std::find(chain.begin(), chain.end(), at) != chain.end()) {
        std::string circle = at;
        for (auto i = chain.rbegin(); i != chain.rend(); ++i) {
          circle += " -> " + *i;
          if (*i == at) break;
        }
        throw ValueError("the links go round in a circle: " + circle + "; take one of them out");
      }
      chain.push_back(at);
    }
    for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
      const std::string& source = sources.at(*at);
      const Value* from = find_place(config, source);
      Value* to = find_place(config, *at);
      if (!from) throw ValueError("there is no option '" + source + "' to take a value from");
      if (!to) throw ValueError("there is no option '" + *at + "' to give a value to");
      if (const Value* own = find_place(as_given, *at); own && !(*own == *from))
        throw ValueError("'" + *at + "' takes its value from '" + source + "' and can't be given as well; leave it or the link out");
      *to = from->clone();
      done.insert(*at);
    }
  }
}

}  // namespace levin
