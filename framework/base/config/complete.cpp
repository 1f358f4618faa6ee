#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/config.h"

namespace levin {
namespace {

// What a class has beside its name and arguments.
Value without_class(const Value& given) {
  Value out = given.clone();
  out.as_dict().erase("class_path");
  out.as_dict().erase("init_args");
  return out;
}

Value without(const Value& given, const std::vector<FieldDescription>& fields) {
  Value out = given.clone();
  for (const FieldDescription& field : fields) out.as_dict().erase(field.name);
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
    return given.is_dict() ? merge_configs(out, without(given, fields)) : out;
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
    return given.is_dict() ? merge_configs(out, without_class(given)) : out;
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
      if (section == "lr_scheduler" && completed.is_dict()) completed = merge_configs(completed, completer.options(without_class(completed), catalog.schedule));
      out[section] = std::move(completed);
    } else if (given || section != "link") {
      out[section] = given ? given->clone() : Value();
    }
  }
  return out;
}

}  // namespace levin
