#pragma once
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/origins.h"
#include "levin/framework/base/value.h"

/// A run as configurations describe it: LightningCLI's shape, in JSON. See docs/configuration.md.
///
/// What is written in files, in the environment and on the command line is laid one over the other here, and each part remembers
/// where it comes from; nothing is made of it yet.
namespace levin {

struct LEVIN_API Config {
  Value value = Value::dict();
  Origins origins;

  /// Lays another one on this: objects are merged key by key, everything else is replaced. A changed `class_path` drops the old
  /// `init_args`; a key that ends in "+" adds to a list.
  void merge(const Config& over);
  /// Where the value at `path` was written, or the nearest part around it; "" if nothing is known.
  std::string where(std::string_view path) const { return origins.find(path).value.text(); }
};

/// Lays `over` on `under`, as `Config::merge`.
LEVIN_API Value merge_configs(const Value& under, const Value& over);

/// The keys of a configuration, and those of them that hold a class (`{"class_path": NAME, "init_args": {...}}`).
LEVIN_API const std::vector<std::string>& config_sections();
LEVIN_API bool is_class_section(std::string_view section);

/// The configuration in a file. One with the names of commands at the top, `{"fit": {...}, "test": {...}}`, gives this command's part.
/// A syntax error is a ValueError with line and column; unknown sections are an OptionErrors.
LEVIN_API Config read_config_file(const std::string& path, std::string_view command);

/// One value for one place.
struct Assignment {
  std::string path;     ///< "trainer.max_epochs", "trainer.callbacks.monitor"
  Value value;
  bool append = false;  ///< adds to the list that is there
  Origin origin;
};

/// `--trainer.max_epochs=3`, `--model.init_args.lr 0.1`, `--trainer.callbacks+=NAME`: what a command line adds. A value is JSON if it
/// reads as JSON, else a string. ValueError for an argument of another shape, KeyError for an unknown section.
LEVIN_API std::vector<Assignment> parse_assignments(const std::vector<std::string>& arguments);
/// The environment's `PL_<COMMAND>__<SECTION>__<KEY>`, such as `PL_FIT__TRAINER__MAX_EPOCHS=3`, in the order of their names.
/// `environment` holds NAME=VALUE.
LEVIN_API std::vector<Assignment> environment_assignments(std::string_view command, const std::vector<std::string>& environment);

/// Puts a value in its place. `init_args` may be left out of a path that leads into a class; in a list, a name means its last item and
/// a number the item; a section given as "FILE.json" is read from there. ValueError where the path leads nowhere.
LEVIN_API void assign(Config& config, const Assignment& assignment);

}  // namespace levin
