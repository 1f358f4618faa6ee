#pragma once
#include "levin/framework/base/export.h"

namespace levin {

/// Has the C library keep what a step frees for the next step, instead of handing it back to the system and asking for it again page by
/// page: memory of tensors up to 32 MB, and up to 512 MB in all. Also without the lists of small pieces that each larger request would
/// merge. Only with glibc, once per process, and not where the environment tunes it already (GLIBC_TUNABLES, MALLOC_*_).
LEVIN_API void keep_freed_memory() noexcept;

}  // namespace levin
