// From `--trainer.callbacks.monitor=val_loss` to a value in its place.
#include <algorithm>
#include <cctype>

#include "levin/framework/base/config/config.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/json.h"

namespace levin {
namespace {

Value json_or_string(const std::string& text) {
  try {
    return parse_json(text, "");
  } catch (const Error&) {
    return text;
  }
}

std::vector<std::string> split(std::string_view path, std::string_view separator) {
  std::vector<std::string> out;
  while (true) {
    const auto end = path.find(separator);
    out.emplace_back(path.substr(0, end));
    if (end == path.npos) return out;
    path.remove_prefix(end + separator.size());
  }
}

bool is_number(const std::string& key) {
  return !key.empty() && key.size() < 10 && std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isdigit(c); });
}

void check_section(const std::string& section, const std::string& what, const std::string& prefix) {
  const auto& sections = config_sections();
  if (std::find(sections.begin(), sections.end(), section) != sections.end()) return;
  const std::string near = nearest_name(section, sections);
  throw KeyError(what + ": unknown option" +
                 (near.empty() ? "; options begin with " + prefix + "trainer, " + prefix + "model or " + prefix + "data; --help lists them"
                               : "; did you mean '" + prefix + near + "'?"));
}

// Walks to a place, making what is missing on the way, and knows its path.
class Walk {
 public:
  Walk(Value& root, const Assignment& assignment) : at_(&root), assignment_(assignment) {}

  void step(const std::string& key) {
    if (key.empty()) fail("an empty name between dots");
    if (at_->is_list()) into_list(key);
    else into_dict(key);
  }
  Value& value() { return *at_; }
  const std::string& path() const { return path_; }
  [[noreturn]] void fail(const std::string& what) const { throw ValueError(assignment_.origin.source + ": " + what); }

 private:
  void into_list(const std::string& key) {
    List& items = at_->items();
    if (items.empty()) fail("the list '" + path_ + "' is empty; add to it with --" + path_ + "+=NAME first");
    const bool number = is_number(key);
    const std::size_t index = number ? std::stoul(key) : items.size() - 1;
    if (index >= items.size()) fail("'" + path_ + "' has " + std::to_string(items.size()) + " item(s); the last is " + std::to_string(items.size() - 1));
    path_ = join_place(path_, "[" + std::to_string(index) + "]");
    at_ = &items[index];
    if (!number) step(key);
  }

  void into_dict(const std::string& key) {
    // A class by its name alone is one without init_args.
    if (at_->is_string() && path_ != "ckpt_path") {
      Value named = Value::dict();
      named["class_path"] = *at_;
      *at_ = std::move(named);
    }
    if (!at_->is_none() && !at_->is_dict()) fail("'" + key + "' is set within " + at_->type_name() + " " + at_->repr(40));
    const bool is_class = at_->find("class_path") || at_->find("init_args") || is_class_section(path_);
    if (is_class && key != "class_path" && key != "init_args") descend("init_args");
    descend(key);
  }

  void descend(const std::string& key) {
    at_ = &(*at_)[key];
    path_ = join_place(path_, key);
  }

  Value* at_;
  const Assignment& assignment_;
  std::string path_;
};

}  // namespace

std::vector<Assignment> parse_assignments(const std::vector<std::string>& arguments) {
  std::vector<Assignment> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--") || argument.size() < 3)
      throw ValueError("unexpected argument '" + argument + "'; options look like --trainer.max_epochs=3");
    Assignment assignment;
    std::string &path = assignment.path = argument.substr(2), text;
    if (const auto equals = path.find('='); equals != path.npos) {
      text = path.substr(equals + 1);
      path.resize(equals);
    } else if (i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
      text = arguments[++i];
    } else {
      throw ValueError("--" + path + ": a value is missing, as in --" + path + "=VALUE");
    }
    assignment.append = path.ends_with('+');
    assignment.origin.source = "--" + path + "=" + text;
    if (assignment.append) path.pop_back();
    check_section(path.substr(0, path.find('.')), "--" + path, "--");
    assignment.value = json_or_string(text);
    out.push_back(std::move(assignment));
  }
  return out;
}

std::vector<Assignment> environment_assignments(std::string_view command, const std::vector<std::string>& environment) {
  std::string prefix = "PL_" + std::string(command) + "__";
  std::transform(prefix.begin(), prefix.end(), prefix.begin(), [](unsigned char c) { return std::toupper(c); });
  std::vector<std::string> sorted = environment;
  std::sort(sorted.begin(), sorted.end());
  std::vector<Assignment> out;
  for (const std::string& entry : sorted) {
    const auto equals = entry.find('=');
    if (equals == entry.npos || !entry.starts_with(prefix) || entry.starts_with(prefix + "CONFIG=")) continue;
    Assignment assignment;
    assignment.origin.source = entry.substr(0, equals);
    for (std::string key : split(std::string_view(entry).substr(prefix.size(), equals - prefix.size()), "__")) {
      std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
      assignment.path = join_place(assignment.path, key);
    }
    check_section(assignment.path.substr(0, assignment.path.find('.')), assignment.origin.source, prefix);
    assignment.value = json_or_string(entry.substr(equals + 1));
    out.push_back(std::move(assignment));
  }
  return out;
}

void assign(Config& config, const Assignment& assignment) {
  Walk walk(config.value, assignment);
  for (const std::string& key : split(assignment.path, ".")) walk.step(key);
  Value& place = walk.value();
  const Value& value = assignment.value;
  if (assignment.append) {
    if (place.is_none()) place = Value::list();
    if (!place.is_list()) walk.fail("this is no list but " + place.type_name());
    const List more = value.is_list() ? value.items() : List{value};
    for (const Value& item : more) {
      config.origins.replace(join_place(walk.path(), "[" + std::to_string(place.size()) + "]"), assignment.origin);
      place.push_back(item.clone());
    }
    return;
  }
  const bool is_section = walk.path().find('.') == std::string::npos;
  if (is_section && value.is_string() && value.as_string().ends_with(".json") && walk.path() != "ckpt_path") {
    Config group;
    group.value = read_json_file(value.as_string(), &group.origins);
    place = merge_configs(place, group.value);
    config.origins.overlay(group.origins, walk.path());
    return;
  }
  if (value.is_string() && place.find("class_path")) {
    // Another class takes other arguments.
    if (!(place.at("class_path") == value)) place.as_dict().erase("init_args");
    place["class_path"] = value;
    config.origins.replace(join_place(walk.path(), "class_path"), assignment.origin);
    return;
  }
  place = value;
  config.origins.replace(walk.path(), assignment.origin);
}

}  // namespace levin
