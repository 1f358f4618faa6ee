#pragma once
#include <utility>

#include "levin/framework/base/console.h"

namespace levin {

/// Calls `f` on rank 0 only: files of your own, prints. Nothing that all ranks must take part in belongs there.
///
///     levin::rank_zero_only([&] { write_report(path); });
template <class F>
void rank_zero_only(F&& f) {
  if (console_rank() == 0) std::forward<F>(f)();
}

}  // namespace levin
