#pragma once
#include "levin/framework/base/config/config.h"
#include "levin/framework/base/problems.h"

namespace levin {

/// A problem with the place where it was written in front: "configs/a.json:7:12: trainer.max_epochs: expected an int, got str 'x'".
LEVIN_API std::string located_text(const Config& config, const Problem& problem);

/// If there are problems: one error with all of them, in the order in which they were written. A single one is that sentence alone.
LEVIN_API void throw_located(const Config& config, const Problems& problems);

}  // namespace levin
