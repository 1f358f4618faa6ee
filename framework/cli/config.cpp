#include "levin/framework/cli/config.h"

#include <algorithm>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/json.h"

namespace levin {
namespace {

const std::vector<std::string> top_level{"seed_everything", "trainer", "model", "data", "ckpt_path"};

Value json_or_string(const std::string& text) {
  try {
    return parse_json(text, "");
  } catch (const Error&) {
    return text;
  }
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (true) {
    const auto dot = path.find('.', begin);
    out.push_back(path.substr(begin, dot - begin));
    if (dot == path.npos) return out;
    begin = dot + 1;
  }
}

void set_path(Value& config, const std::string& path, const Value& value, bool append) {
  std::vector<std::string> keys = split(path);
  const bool is_class = keys[0] == "model" || keys[0] == "data";
  // `--model NAME` and `--model.lr`: class_path and init_args may be left out.
  if (is_class && keys.size() == 1 && value.is_string()) keys.push_back("class_path");
  else if (is_class && keys.size() > 1 && keys[1] != "class_path" && keys[1] != "init_args") keys.insert(keys.begin() + 1, "init_args");
  Value* at = &config;
  for (const std::string& key : keys) {
    if (key.empty()) throw ValueError("--" + path + ": an empty name between dots");
    if (!at->is_none() && !at->is_dict()) throw ValueError("--" + path + ": '" + key + "' is set within " + at->type_name() + " " + at->repr(40));
    at = &(*at)[key];
  }
  if (!append) {
    *at = value;
    return;
  }
  if (at->is_none()) *at = Value::list();
  if (!at->is_list()) throw ValueError("--" + path + "+=: this is no list but " + at->type_name());
  at->push_back(value);
}

}  // namespace

Value merge_configs(const Value& under, const Value& over) {
  if (!under.is_dict() || !over.is_dict()) return over.clone();
  Value out = under.clone();
  const Value *before = under.find("class_path"), *after = over.find("class_path");
  if (before && after && !(*before == *after)) out.as_dict().erase("init_args");
  for (const auto& [key, value] : over.as_dict()) {
    const Value* old = out.find(key.as_string());
    out[key.as_string()] = old ? merge_configs(*old, value) : value.clone();
  }
  return out;
}

void apply_overrides(Value& config, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--") || argument.size() < 3)
      throw ValueError("unexpected argument '" + argument + "'; options look like --trainer.max_epochs=3");
    std::string path = argument.substr(2), value;
    if (const auto equals = path.find('='); equals != path.npos) {
      value = path.substr(equals + 1);
      path.resize(equals);
    } else if (i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
      value = arguments[++i];
    } else {
      throw ValueError("--" + path + ": a value is missing, as in --" + path + "=VALUE");
    }
    const bool append = path.ends_with('+');
    if (append) path.pop_back();
    const std::string first = path.substr(0, path.find('.'));
    if (std::find(top_level.begin(), top_level.end(), first) == top_level.end()) {
      const std::string near = nearest_name(first, top_level);
      throw KeyError("--" + path + ": unknown option" + (near.empty() ? "; options begin with --trainer, --model or --data" : "; did you mean '--" + near + "'?"));
    }
    set_path(config, path, json_or_string(value), append);
  }
}

RunConfig read_run_config(const Value& config) {
  RunConfig out;
  if (!config.is_dict()) throw TypeError("a configuration is a JSON object, got " + config.type_name());
  for (const auto& [key, value] : config.as_dict()) {
    const std::string& name = key.as_string();
    if (std::find(top_level.begin(), top_level.end(), name) == top_level.end()) throw unknown_key("", name, top_level);
    try {
      if (name == "seed_everything") {
        if (value.is_bool()) out.seed_everything = value.as_bool() ? std::optional<std::int64_t>(0) : std::nullopt;
        else out.seed_everything = Field<std::optional<std::int64_t>>::read(value);
      } else if (name == "ckpt_path") {
        out.ckpt_path = Field<std::optional<std::string>>::read(value);
      } else if (name == "trainer") {
        out.trainer = value.is_none() ? Value::dict() : value;
      } else if (name == "model") {
        out.model = value;
      } else {
        out.data = value;
      }
    } catch (const Error&) {
      rethrow_at(name);
    }
  }
  return out;
}

}  // namespace levin
