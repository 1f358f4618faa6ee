#pragma once
#include <string>

#include "levin/framework/base/value.h"

namespace levin {

/// Value trees on their way to another rank. Short for those without tensors. Nothing that comes back is executed.
std::string to_bytes(const Value& value);
Value from_bytes(const std::string& bytes);

}  // namespace levin
