#pragma once
#include <string>

#include "levin/framework/base/errors.h"

namespace levin {

/// Throws the error class of that name, as another rank threw it; a RuntimeError for a name that is none of ours.
[[noreturn]] LEVIN_API void throw_named(const std::string& name, const std::string& message);

}  // namespace levin
