#include "levin/framework/base/codec/fresh_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace levin {

std::shared_ptr<char> fresh_memory(std::size_t size) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const bool large = size >= 2 * huge_page;
  const std::size_t alignment = large ? huge_page : 64;
  if (size > SIZE_MAX - alignment) throw std::bad_alloc();
  const std::size_t rounded = (size + 63) / 64 * 64;
  void* memory = nullptr;
  if (::posix_memalign(&memory, alignment, rounded) != 0) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  // Whole pages only: a huge one at the end would be memory that nobody asked for. A refusal costs
  // time alone.
  if (large) ::madvise(memory, rounded / huge_page * huge_page, MADV_HUGEPAGE);
#endif
  return {static_cast<char*>(memory), std::free};
}

}  // namespace levin
