#pragma once
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <torch/version.h>

#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"
#include "levin/framework/logger.h"
#include "levin/framework/metrics/metric.h"
#include "levin/framework/module/data_module.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/version.h"

/// Classes that a configuration file can name.
namespace levin {

class Strategy;

/// Takes `"Name"` or `{"class_path": "Name", "init_args": {...}}` apart.
struct LEVIN_API ClassConfig {
  std::string class_path;
  Value init_args;

  /// TypeError for another shape; an OptionErrors for other keys and for a missing class_path.
  static ClassConfig read(const Value& config);
  /// Without a module's prefix, as in Lightning's YAML ("lightning.pytorch.callbacks.EarlyStopping").
  std::string name() const { return class_path.substr(class_path.rfind('.') + 1); }
};
/// "unknown class 'ConvClasifier'; did you mean 'ConvClassifier'?", or the names there are if none is near.
[[noreturn]] LEVIN_API void throw_unknown_class(const std::string& class_path, const std::string& kind, const std::vector<std::string>& names);

/// Classes of one kind by name: how to make one from its `init_args`, and what those are.
template <class Base>
class Registry {
 public:
  struct Entry {
    std::function<std::shared_ptr<Base>(const Value& init_args)> make;
    std::function<std::vector<FieldDescription>()> describe;
  };

  explicit Registry(std::string kind) : kind_(std::move(kind)) {}
  void add(const std::string& name, Entry entry) { entries_[name] = std::move(entry); }
  const std::string& kind() const { return kind_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_) out.push_back(name);
    return out;
  }

  /// Makes an object from its class's name, or name and `init_args`. Everything that is wrong with it comes out at once, with places
  /// from here ("init_args.monitor"); see Problems.
  std::shared_ptr<Base> make(const Value& config) const {
    const ClassConfig given = ClassConfig::read(config);
    const auto found = entries_.find(given.name());
    if (found == entries_.end()) throw_unknown_class(given.class_path, kind_, names());
    return found->second.make(given.init_args);
  }

 private:
  std::string kind_;
  std::map<std::string, Entry> entries_;
};

/// The process's registries; built-in classes are in them once `register_builtins` has run.
LEVIN_API Registry<LightningModule>& module_registry();
LEVIN_API Registry<LightningDataModule>& data_registry();
LEVIN_API Registry<Callback>& callback_registry();
LEVIN_API Registry<Logger>& logger_registry();
LEVIN_API Registry<metrics::Metric>& metric_registry();
LEVIN_API Registry<Strategy>& strategy_registry();
LEVIN_API void register_builtins();
/// All of them, and the Trainer's options, as data.
LEVIN_API Catalog registered_classes();

template <class T>
auto& registry_of() {
  if constexpr (std::derived_from<T, LightningModule>) return module_registry();
  else if constexpr (std::derived_from<T, LightningDataModule>) return data_registry();
  else if constexpr (std::derived_from<T, Callback>) return callback_registry();
  else if constexpr (std::derived_from<T, metrics::Metric>) return metric_registry();
  else if constexpr (std::derived_from<T, Strategy>) return strategy_registry();
  else return logger_registry();
}

/// Options of a class from its `init_args`; problems have their places from the class.
template <HasFields Options>
Options read_init_args(const Value& init_args) {
  Options options{};
  Problems problems;
  problems.collect("init_args", [&] {
    Problems within;
    read_fields(init_args, options, within);
    within.throw_any();
  });
  problems.throw_any();
  return options;
}

/// Makes a class known by name. It needs `using Options = ...;`, a `fields()` list for it, and a constructor from it.
template <class T>
bool register_class(const std::string& name) {
  using Options = typename T::Options;
  registry_of<T>().add(name, {
      [](const Value& init_args) {
        auto object = std::make_shared<T>(read_init_args<Options>(init_args));
        if constexpr (std::derived_from<T, LightningModule>) object->note_overrides(overrides_of<T>());
        return object;
      },
      [] { return describe_fields(Options{}); }});
  return true;
}

/// In every file that registers a class: what it was compiled with. `--plugin` looks for it before it loads a library.
[[gnu::used]] inline constexpr char plugin_mark[] = "levin-plugin: levin " LEVIN_VERSION ", LibTorch " TORCH_VERSION ".";

/// Registers a class of yours for configuration files; at namespace scope in one .cpp.
#define LEVIN_REGISTER(Class) \
  [[maybe_unused]] static const bool levin_registered_##Class = ::levin::register_class<Class>(#Class)

}  // namespace levin
