#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/python_format.h"

/// What a checkpoint is called: "{epoch}-{val_loss:.2f}" becomes "epoch=3-val_loss=0.12.ckpt".
namespace levin {

/// The metrics that names are made of, as Python numbers; "epoch" and "step" are ints, a float32 is
/// promoted to double.
using FilenameMetrics = std::map<std::string, FormatArgument, std::less<>>;

struct FilenameTemplate {
  std::string filename;                 ///< empty: "{epoch}-{step}" (with `join_char`)
  std::string dirpath;                  ///< put in front; empty: nothing
  bool auto_insert_metric_name = true;  ///< "{epoch}" prints "epoch=3" and not "3"
  std::string join_char = "-";          ///< CHECKPOINT_JOIN_CHAR
  std::string equals_char = "=";        ///< CHECKPOINT_EQUALS_CHAR
  std::string extension = ".ckpt";      ///< FILE_EXTENSION

  /// The path for these metrics. A field is `{name}` or `{name:spec}` with Python's format specs; a
  /// metric that is not there prints as the int 0; slashes, also those in metric names, make
  /// folders. `version` appends "-v3", `prefix` puts "prefix-" in front. ValueError, in Python's
  /// words, for a bad spec or stray braces, and in ours for a name that leaves `dirpath` ("..", or
  /// an absolute path elsewhere).
  LEVIN_API std::string format(const FilenameMetrics& metrics,
                               std::optional<std::int64_t> version = {},
                               const std::optional<std::string>& prefix = {}) const;
  /// The same with another template in place of `filename`, such as "last".
  LEVIN_API std::string format_as(std::string_view name, const FilenameMetrics& metrics,
                                  std::optional<std::int64_t> version = {},
                                  const std::optional<std::string>& prefix = {}) const;
  /// The first of name, name-v1, name-v2, ... (from `starting_version`) that is free: not `taken`,
  /// or `exempt`, the file that the new one replaces.
  LEVIN_API static std::string first_free(
      const std::function<std::string(std::optional<std::int64_t>)>& name,
      const std::function<bool(const std::string&)>& taken, std::string_view exempt,
      std::int64_t starting_version = 1);
};

}  // namespace levin
