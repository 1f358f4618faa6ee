#pragma once
#include <map>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

/// Where each part of a configuration was written, so that an error about it can say so.
namespace levin {

/// A place in a file, or an argument, or an environment variable.
struct LEVIN_API Origin {
  std::string source;       ///< "configs/digits.json", "--trainer.max_epochs=3", "PL_FIT__TRAINER__MAX_EPOCHS"
  std::size_t line = 0;     ///< from 1; 0 where there are no lines
  std::size_t column = 0;   ///< in characters, from 1

  /// "configs/digits.json:7:12", or the source alone; "" for an unknown one.
  std::string text() const;
};

/// By path ("trainer.callbacks[0].init_args"): where the key stands and where its value begins.
class LEVIN_API Origins {
 public:
  struct Entry {
    Origin key, value;
  };

  void set(const std::string& path, Entry entry) { entries_[path] = std::move(entry); }
  /// A value from elsewhere takes this place; what was within it is forgotten.
  void replace(const std::string& path, const Origin& origin);
  /// What `other` knows takes precedence, under `prefix`.
  void overlay(const Origins& other, std::string_view prefix = "");
  /// What is known within `prefix`, with paths from there.
  Origins within(std::string_view prefix) const;
  /// The entry of the path, else of the nearest part around it. An empty one if nothing is known.
  Entry find(std::string_view path) const;

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

/// The path without its last key or index: "a.b[0]" gives "a.b", "a.b" gives "a", "a" gives "".
LEVIN_API std::string_view parent_place(std::string_view path);

}  // namespace levin
