#pragma once
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"
#include "levin/framework/logger.h"
#include "levin/framework/metrics/metric.h"
#include "levin/framework/module/data_module.h"
#include "levin/framework/module/lightning_module.h"

/// Classes that a configuration file can name.
namespace levin {

/// Classes of one kind by name: how to make one from its `init_args`, and what those are.
template <class Base>
class Registry {
 public:
  struct Entry {
    std::function<std::shared_ptr<Base>(const Value& init_args, const std::string& path)> make;
    std::function<std::vector<FieldDescription>()> describe;
  };

  explicit Registry(std::string kind) : kind_(std::move(kind)) {}
  void add(const std::string& name, Entry entry) { entries_[name] = std::move(entry); }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_) out.push_back(name);
    return out;
  }

  /// Makes an object from `"Name"` or `{"class_path": "Name", "init_args": {...}}`. Module prefixes as in Lightning's YAML
  /// ("lightning.pytorch.callbacks.EarlyStopping") are cut. ValueError with the nearest name for an unknown class.
  std::shared_ptr<Base> make(const Value& config, const std::string& path) const {
    std::string class_path;
    Value init_args = Value::dict();
    if (config.is_string()) {
      class_path = config.as_string();
    } else {
      if (!config.is_dict()) throw TypeError(path + ": expected a class name or {\"class_path\": ..., \"init_args\": {...}}, got " + config.type_name());
      for (const auto& [key, value] : config.as_dict()) {
        if (key.as_string() == "class_path") class_path = value.as_string();
        else if (key.as_string() == "init_args") init_args = value;
        else throw unknown_key(path, key.as_string(), {"class_path", "init_args"});
      }
      if (class_path.empty()) throw ValueError(path + ": \"class_path\" is missing; known " + kind_ + ":" + listed());
      if (init_args.is_none()) init_args = Value::dict();
    }
    const std::string name = class_path.substr(class_path.rfind('.') + 1);
    const auto found = entries_.find(name);
    if (found == entries_.end()) {
      const std::string near = nearest_name(name, names());
      throw ValueError(path + ": unknown class '" + class_path + "'" +
                       (near.empty() ? "; known " + kind_ + ":" + listed() : "; did you mean '" + near + "'?"));
    }
    return found->second.make(init_args, path + ".init_args");
  }

 private:
  std::string listed() const {
    std::string out;
    for (const std::string& name : names()) out += " " + name;
    return out;
  }
  std::string kind_;
  std::map<std::string, Entry> entries_;
};

/// The process's registries; built-in classes are in them once `register_builtins` has run.
LEVIN_API Registry<LightningModule>& module_registry();
LEVIN_API Registry<LightningDataModule>& data_registry();
LEVIN_API Registry<Callback>& callback_registry();
LEVIN_API Registry<Logger>& logger_registry();
LEVIN_API Registry<metrics::Metric>& metric_registry();
LEVIN_API void register_builtins();

template <class T>
auto& registry_of() {
  if constexpr (std::derived_from<T, LightningModule>) return module_registry();
  else if constexpr (std::derived_from<T, LightningDataModule>) return data_registry();
  else if constexpr (std::derived_from<T, Callback>) return callback_registry();
  else if constexpr (std::derived_from<T, metrics::Metric>) return metric_registry();
  else return logger_registry();
}

/// Makes a class known by name. It needs `using Options = ...;`, a `fields()` list for it, and a constructor from it.
template <class T>
bool register_class(const char* name) {
  using Options = typename T::Options;
  registry_of<T>().add(name, {
      [](const Value& init_args, const std::string& path) {
        Options options{};
        read_fields(init_args, options, path);
        auto object = std::make_shared<T>(std::move(options));
        if constexpr (std::derived_from<T, LightningModule>) object->note_overrides(overrides_of<T>());
        return object;
      },
      [] { return describe_fields(Options{}); }});
  return true;
}

/// Registers a class of yours for configuration files; at namespace scope in one .cpp.
#define LEVIN_REGISTER(Class) \
  [[maybe_unused]] static const bool levin_registered_##Class = ::levin::register_class<Class>(#Class)

}  // namespace levin
