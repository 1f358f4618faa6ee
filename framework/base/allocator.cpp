#include "levin/framework/base/allocator.h"

#include <cstdlib>
#include <initializer_list>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace levin {

void keep_freed_memory() noexcept {
#ifdef __GLIBC__
  [[maybe_unused]] static const bool once = [] {
    for (const char* name : {"GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_"})
      if (std::getenv(name)) return false;
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);  // to set any of these fixes them all, so this one has to be told too
    ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
    ::mallopt(M_MXFAST, 0);
    return true;
  }();
#endif
}

}  // namespace levin
