#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/value.h"

/// What a configuration can name, as data: the classes of each kind with their options, and the Trainer's. `--help`, `levin list`,
/// `--print_config` and the schema are made from it and from nothing else.
namespace levin {

struct ClassDescription {
  std::string name;
  std::vector<FieldDescription> fields;
};

struct LEVIN_API Catalog {
  std::vector<FieldDescription> trainer;
  /// What the section `lr_scheduler` has beside `class_path` and `init_args`.
  std::vector<FieldDescription> schedule;
  /// By kind, as field types spell it: "module", "data module", "callback", "logger", "metric", "strategy", "optimizer", "lr scheduler".
  std::map<std::string, std::vector<ClassDescription>, std::less<>> kinds;

  /// The class that a `class_path` names (a dotted prefix is ignored), or nullptr.
  const ClassDescription* find(std::string_view kind, std::string_view class_path) const;
  /// All classes of this name, with their kinds.
  std::vector<std::pair<std::string, const ClassDescription*>> named(std::string_view class_path) const;
};

/// The kind of class that a section of a configuration holds: "model" a "module", "data" a "data module", ...
LEVIN_API std::string_view section_kind(std::string_view section);

/// The configuration with every option that it leaves out at its default, in the order in which they are declared; classes given by
/// name become `{"class_path", "init_args"}`. Doing it again changes nothing. What is unknown is left as it is.
LEVIN_API Value complete_config(const Value& config, const Catalog& catalog);

/// Copies values from one option to others: `{"data.batch_size": "model.batch_size"}`, source to target or to a list of targets.
/// `init_args` may be left out. `config` must be complete. ValueError (about the section `link`) for a place that isn't there, a target that is also given (as
/// `given` tells) or has two sources, and for links that go round in a circle.
LEVIN_API void apply_links(Value& config, const Value& links, const Value& given);

/// The alternatives of a field's type: "list of (int or str) or null" gives "list of (int or str)" and "null".
LEVIN_API std::vector<std::string> type_alternatives(std::string_view type);
/// What a "list of ..." has as items; "" for another type. A length ("list of 2 float") goes to `length`, else that is left alone.
LEVIN_API std::string list_item_type(std::string_view type, std::size_t* length = nullptr);

/// A JSON Schema (draft 2020-12) of all configurations that can be read, for editors.
LEVIN_API Value json_schema(const Catalog& catalog);

/// The options with type, default and doc, a line or more each, no wider than `columns`; each indented by `indent`.
LEVIN_API std::string options_text(const std::vector<FieldDescription>& fields, const std::string& prefix, int columns);
/// All classes by kind.
LEVIN_API std::string list_text(const Catalog& catalog);

}  // namespace levin
