#pragma once
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/inspect/describe.h"

namespace levin {

/// What `levin inspect` was asked for: the tree, or instead of it `tensors`, `json`, `verify` or `diff`.
struct InspectOptions {
  std::string path;
  std::vector<std::string> tensors;
  bool json = false, verify = false, all = false;
  std::optional<std::string> diff;
  int columns = 100;
};

/// Prints what was asked for and returns the exit code: 0, or 1 where `verify` found damage or `diff` a
/// difference. Errors as `open_model_file` and `tensor_at`.
LEVIN_API int inspect(const InspectOptions& options, const PrintLine& print);

}  // namespace levin
