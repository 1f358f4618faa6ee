#include "levin/framework/base/config/config.h"

#include <algorithm>
#include <array>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/json.h"

namespace levin {
namespace {

constexpr std::array<std::string_view, 4> commands{"fit", "validate", "test", "predict"};

bool is_command(std::string_view key) { return std::find(commands.begin(), commands.end(), key) != commands.end(); }

void append_items(Value& list, const Value& more) {
  if (list.is_none()) list = Value::list();
  if (!list.is_list()) throw ValueError("only a list can be added to; this is " + list.type_name() + " " + list.repr(40));
  if (!more.is_list()) return list.push_back(more.clone());
  for (const Value& item : more.items()) list.push_back(item.clone());
}

}  // namespace

const std::vector<std::string>& config_sections() {
  static const std::vector<std::string> sections{"seed_everything", "trainer", "model", "data", "optimizer", "lr_scheduler", "ckpt_path", "link"};
  return sections;
}

bool is_class_section(std::string_view section) {
  return section == "model" || section == "data" || section == "optimizer" || section == "lr_scheduler";
}

Value merge_configs(const Value& under, const Value& over) {
  if (!under.is_dict() || !over.is_dict()) return over.clone();
  Value out = under.clone();
  const Value *before = under.find("class_path"), *after = over.find("class_path");
  if (before && after && !(*before == *after)) out.as_dict().erase("init_args");
  for (const auto& [key, value] : over.as_dict()) {
    const std::string& name = key.as_string();
    if (name.ends_with('+')) {
      Value& list = out[name.substr(0, name.size() - 1)];
      append_items(list, value);
      continue;
    }
    const Value* old = out.find(name);
    Value merged = old ? merge_configs(*old, value) : value.clone();
    out[name] = std::move(merged);
  }
  return out;
}

void Config::merge(const Config& over) {
  value = merge_configs(value, over.value);
  origins.overlay(over.origins);
}

Config read_config_file(const std::string& path, std::string_view command) {
  Config out;
  out.value = read_json_file(path, &out.origins);
  Problems problems;
  if (!out.value.is_dict()) throw TypeError(out.where("") + ": a configuration is a JSON object, got " + out.value.type_name());
  const Dict& dict = out.value.as_dict();
  const bool by_command = dict.size() > 0 && std::all_of(dict.begin(), dict.end(), [](const Dict::Item& item) { return is_command(item.first.as_string()); });
  if (by_command) {
    const Value* own = out.value.find(command);
    Config part;
    part.value = own ? *own : Value::dict();
    part.origins = out.origins.within(command);
    out = std::move(part);
    if (!out.value.is_dict()) throw TypeError(out.where("") + ": a configuration is a JSON object, got " + out.value.type_name());
  }
  std::vector<std::string> known = config_sections();
  add_unknown_keys(out.value, known, problems);
  for (const Problem& problem : problems.all()) {
    std::string text = out.origins.find(problem.key).key.text() + ": " + problem.message;
    if (is_command(problem.key)) text += " (a file with the names of commands at the top has nothing else there)";
    throw KeyError(text);
  }
  return out;
}

}  // namespace levin
