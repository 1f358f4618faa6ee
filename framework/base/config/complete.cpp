#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/config.h"

namespace levin {
namespace {

// Adds what `given` has beside that, as it stands.
Value with_rest(Value out, const Value& given) {
  if (!given.is_dict()) return out;
  for (const auto& [key, value] : given.as_dict())
    if (!out.find(key.as_string())) out[key.as_string()] = value.clone();
  return out;
}

class Completer {
 public:
  explicit Completer(const Catalog& catalog) : catalog_(catalog) {}

  // The options in their order, then whatever else is there.
  Value options(const Value& given, const std::vector<FieldDescription>& fields) const {
    if (!given.is_dict() && !given.is_none()) return given.clone();
    Value out = Value::dict();
    for (const FieldDescription& field : fields) {
      const Value* value = given.find(field.name);
      out[field.name] = this->value(value ? *value : field.default_value, field);
    }
    return with_rest(std::move(out), given);
  }

  Value of_kind(const Value& given, std::string_view kind) const {
    if (!given.is_string() && !given.find("class_path")) return given.clone();
    const Value& class_path = given.is_string() ? given : given.at("class_path");
    const ClassDescription* description = class_path.is_string() ? catalog_.find(kind, class_path.as_string()) : nullptr;
    if (!description) return given.clone();
    const Value* init_args = given.find("init_args");
    Value out = Value::dict();
    out["class_path"] = class_path;
    out["init_args"] = options(init_args ? *init_args : Value(), description->fields);
    return with_rest(std::move(out), given);
  }

 private:
  Value value(const Value& given, const FieldDescription& field) const {
    for (const std::string& type : type_alternatives(field.type)) {
      if (catalog_.kinds.contains(type) && !given.is_list()) return of_kind(given, type);
      if (type == "options" && given.is_dict()) return options(given, field.nested);
      if (!given.is_list()) continue;
      const std::string item_type = list_item_type(type);
      if (item_type.empty()) continue;
      FieldDescription item = field;
      item.type = item_type;
      Value out = Value::list();
      for (const Value& one : given.items()) out.push_back(value(one, item));
      return out;
    }
    return given.clone();
  }

  const Catalog& catalog_;
};

}  // namespace

Value complete_config(const Value& config, const Catalog& catalog) {
  const Completer completer(catalog);
  Value out = Value::dict();
  for (const std::string& section : config_sections()) {
    const Value* given = config.find(section);
    if (section == "trainer") {
      out[section] = completer.options(given ? *given : Value(), catalog.trainer);
    } else if (is_class_section(section)) {
      Value completed = given ? completer.of_kind(*given, section_kind(section)) : Value();
      if (section == "lr_scheduler" && completed.is_dict()) completed = with_rest(std::move(completed), completer.options(completed, catalog.schedule));
      out[section] = std::move(completed);
    } else if (given || section != "link") {
      out[section] = given ? given->clone() : Value();
    }
  }
  return out;
}

}  // namespace levin
