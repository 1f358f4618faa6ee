#pragma once
#include <functional>

#include "levin/framework/base/export.h"

/// What other parts of the framework need of the console beside its messages.
namespace levin {

/// Whether this process is rank 0 (`set_console_rank`): the one that speaks, and that logs.
LEVIN_API bool is_rank_zero();

/// Lets `print` write to the terminal as a message does: the live line is hidden before and shown after it.
LEVIN_API void print_around_live_line(const std::function<void()>& print);

}  // namespace levin
