#include "levin/framework/base/launch/heartbeat.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace levin::heartbeat {
namespace {

Page nobody_looks{};

Page& own_page() noexcept {
  static Page& page = [&]() -> Page& {
    const char* const path = std::getenv("LEVIN_HEARTBEAT_FILE");
    Page* const mapped = path && *path ? map(path) : nullptr;
    return mapped ? *mapped : nobody_looks;
  }();
  return page;
}

}  // namespace

Page* map(const std::string& path, bool create) noexcept {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_TRUNC : 0), 0600);
  if (fd < 0) return nullptr;
  void* memory = MAP_FAILED;
  // A shorter file would be a bus error at the first beat.
  if (create ? ::ftruncate(fd, sizeof(Page)) == 0 : ::lseek(fd, 0, SEEK_END) >= off_t{sizeof(Page)})
    memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<Page*>(memory);
}

void beat() noexcept { own_page().beats.fetch_add(1, std::memory_order_relaxed); }

void saved() noexcept {
  own_page().saves.fetch_add(1, std::memory_order_relaxed);
  beat();
}

Watched::Watched() noexcept {
  beat();
  own_page().watched.fetch_add(1, std::memory_order_relaxed);
}

Watched::~Watched() { own_page().watched.fetch_sub(1, std::memory_order_relaxed); }

}  // namespace levin::heartbeat
