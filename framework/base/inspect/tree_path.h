#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

/// Places in a value tree, as people write them: `state_dict.net.0.weight`, `optimizer_states[0].lr`.
namespace levin {

/// What is below a value, with the step that leads there from its path.
struct Child {
  std::string step;  ///< ".name" for a dict's entry, "[3]" for an item, ".args" and ".state" of an object
  const Value* value;
};
/// The children of a dict, list, tuple, set or object; none for others. What an OrderedDict carries as
/// attributes (a module's `_metadata`) comes last, as ".__dict__".
LEVIN_API std::vector<Child> children_of(const Value& value);

/// A path and one more step: no dot at the beginning.
LEVIN_API std::string join_path(const std::string& path, const std::string& step);

/// The value at a path. Keys are taken whole, so `state_dict.net.0.weight` finds the key
/// "net.0.weight"; items may be written `[0]` or `.0`. nullptr if there is none.
LEVIN_API const Value* find_path(const Value& root, std::string_view path);

/// Calls `f` for each tensor, at its first place where containers are shared.
LEVIN_API void for_each_tensor(const Value& root,
                               const std::function<void(const std::string& path, const TensorRef&)>& f);

/// The tensor at a path, from the root or else within the root's `state_dict`; `path` becomes the whole
/// path. KeyError for a path that is not there, with the nearest names of tensors; TypeError for one
/// that is no tensor.
LEVIN_API const TensorRef& tensor_at(const Value& root, std::string& path);

}  // namespace levin
