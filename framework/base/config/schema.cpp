#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/config.h"
#include "levin/framework/base/json.h"

namespace levin {
namespace {

Value object_schema(const Catalog& catalog, const std::vector<FieldDescription>& fields);

Value of_type(const char* name) { return Dict{{"type", name}}; }

// Definitions have names without spaces.
std::string definition(std::string_view kind) {
  std::string out(kind);
  for (char& c : out) c = c == ' ' ? '_' : c;
  return out;
}
Value reference(const std::string& name) { return Dict{{"$ref", "#/$defs/" + name}}; }

Value duration_schema() {
  Value parts = Value::dict();
  for (const char* unit : {"weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"}) parts[unit] = of_type("number");
  return Dict{{"anyOf", Value::list({of_type("number"), Dict{{"type", "string"}, {"pattern", "^\\d+:\\d+:\\d+:\\d+$"}},
                                     Dict{{"type", "object"}, {"properties", parts}, {"additionalProperties", false}}})}};
}

Value type_schema(const Catalog& catalog, const std::string& type, const FieldDescription& field);

Value single_type_schema(const Catalog& catalog, const std::string& type, const FieldDescription& field) {
  if (type == "int") return of_type("integer");
  if (type == "float") return of_type("number");
  if (type == "str") return of_type("string");
  if (type == "bool") return of_type("boolean");
  if (type == "null" || type == "function") return of_type("null");
  if (type == "duration") return duration_schema();
  if (type == "options") return object_schema(catalog, field.nested);
  if (catalog.kinds.contains(type)) return reference(definition(type));
  if (type.starts_with("dict of ")) {
    const std::string to = type.substr(type.find(" to ") + 4);
    return Dict{{"type", "object"}, {"additionalProperties", single_type_schema(catalog, to, field)}};
  }
  std::size_t length = 0;
  if (const std::string item = list_item_type(type, &length); !item.empty()) {
    Value out = Dict{{"type", "array"}, {"items", type_schema(catalog, item, field)}};
    if (length > 0) out["minItems"] = out["maxItems"] = static_cast<std::int64_t>(length);
    return out;
  }
  return Value::dict();  // any
}

// A value that stands for itself: "bf16-mixed" in quotes, or 32.
bool is_literal(const std::string& type) { return type.starts_with('"') || type.find_first_not_of("0123456789") == type.npos; }

Value type_schema(const Catalog& catalog, const std::string& type, const FieldDescription& field) {
  Value any = Value::list(), literals = Value::list();
  for (const std::string& one : type_alternatives(type)) {
    if (is_literal(one)) literals.push_back(parse_json(one, "type"));
    else any.push_back(single_type_schema(catalog, one, field));
  }
  if (literals.size() > 0) any.push_back(Dict{{"enum", literals}});
  return any.size() == 1 ? any.items()[0] : Dict{{"anyOf", any}};
}

Value object_schema(const Catalog& catalog, const std::vector<FieldDescription>& fields) {
  Value properties = Value::dict();
  for (const FieldDescription& field : fields) {
    Value property = type_schema(catalog, field.type, field);
    property["description"] = field.doc;
    property["default"] = field.default_value.clone();
    properties[field.name] = property;
  }
  return Dict{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

// A name, or class_path with the init_args of that class; a dotted prefix is allowed.
Value kind_schema(const std::string& kind, const std::vector<ClassDescription>& classes, const Value& beside = Value::dict()) {
  std::string names;
  Value by_class = Value::list();
  for (const ClassDescription& one : classes) {
    names += (names.empty() ? "" : "|") + one.name;
    const Value is_this = Dict{{"properties", Dict{{"class_path", Dict{{"pattern", "^(.*\\.)?" + one.name + "$"}}}}}, {"required", Value::list({"class_path"})}};
    by_class.push_back(Dict{{"if", is_this}, {"then", Dict{{"properties", Dict{{"init_args", reference(definition(kind) + "." + one.name)}}}}}});
  }
  const Value name = Dict{{"type", "string"}, {"pattern", "^(.*\\.)?(" + names + ")$"}};
  Value class_path = name.clone();
  Value examples = Value::list();
  for (const ClassDescription& one : classes) examples.push_back(one.name);
  class_path["examples"] = examples;  // what editors offer
  Value properties = Dict{{"class_path", class_path}, {"init_args", Dict{{"type", Value::list({"object", "null"})}}}};
  Value object = Dict{{"type", "object"},
                      {"properties", merge_configs(properties, beside)},
                      {"required", Value::list({"class_path"})},
                      {"additionalProperties", false}};
  if (!classes.empty()) object["allOf"] = by_class;
  return Dict{{"anyOf", Value::list({name, object})}};
}

// Like any scheduler, and when it steps.
Value scheduler_section(const Catalog& catalog) {
  const std::string kind(section_kind("lr_scheduler"));
  const auto classes = catalog.kinds.find(kind);
  return kind_schema(kind, classes == catalog.kinds.end() ? std::vector<ClassDescription>{} : classes->second, object_schema(catalog, catalog.schedule).at("properties"));
}

}  // namespace

Value json_schema(const Catalog& catalog) {
  Value definitions = Value::dict();
  for (const auto& [kind, classes] : catalog.kinds) {
    definitions[definition(kind)] = kind_schema(kind, classes);
    for (const ClassDescription& one : classes) {
      Value options = object_schema(catalog, one.fields);
      options["type"] = Value::list({"object", "null"});
      definitions[definition(kind) + "." + one.name] = options;
    }
  }
  Value sections = Value::dict();
  for (const std::string& section : config_sections()) {
    if (section == "trainer") sections[section] = Dict{{"anyOf", Value::list({object_schema(catalog, catalog.trainer), of_type("null")})}};
    else if (section == "lr_scheduler") sections[section] = Dict{{"anyOf", Value::list({scheduler_section(catalog), of_type("null")})}};
    else if (is_class_section(section)) sections[section] = Dict{{"anyOf", Value::list({reference(definition(section_kind(section))), of_type("null")})}};
    else if (section == "seed_everything") sections[section] = Dict{{"type", Value::list({"integer", "boolean", "null"})}};
    else if (section == "ckpt_path") sections[section] = Dict{{"type", Value::list({"string", "null"})}};
    else sections[section] = Dict{{"type", "object"}, {"description", "takes options from others: source to target or targets"}};
  }
  return Dict{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "levin configuration"},
              {"type", "object"},
              {"properties", sections},
              {"additionalProperties", false},
              {"$defs", definitions}};
}

}  // namespace levin
