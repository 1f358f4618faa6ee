#pragma once
#include <utility>

#include "levin/framework/base/console.h"

namespace levin {

/// This process's global rank among `world_size`: errors are printed with it if there are several.
LEVIN_API void set_console_rank(int rank, int world_size);

/// Calls `f` on rank 0 only: files of your own, prints. Nothing that all ranks must take part in belongs there.
///
///     levin::rank_zero_only([&] { write_report(path); });
template <class F>
void rank_zero_only(F&& f) {
  if (is_rank_zero()) std::forward<F>(f)();
}

}  // namespace levin
