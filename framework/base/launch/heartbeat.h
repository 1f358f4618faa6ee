#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "levin/framework/base/export.h"

/// How a rank shows whoever started it that it is alive and gets on. The starter makes a file of
/// zeros for each rank and names it in `LEVIN_HEARTBEAT_FILE`; rank and starter map it. Without
/// that variable all of this does nothing, at the cost of one addition.
///
/// A rank is watched for silence (`levin-run --hang-timeout`) only while a `Watched` lives: a
/// program that never says so is never ended for being silent.
namespace levin::heartbeat {

/// What the file holds: 64-bit numbers in the machine's byte order, from its first byte on.
struct Page {
  std::atomic<std::uint64_t> beats;    ///< grows with every sign of life
  std::atomic<std::uint64_t> watched;  ///< how many `Watched` live; 0: silence is no fault
  std::atomic<std::uint64_t> saves;    ///< checkpoints that this process has made durable
};
static_assert(sizeof(Page) == 24 && std::atomic<std::uint64_t>::is_always_lock_free);

/// Maps a page; nullptr if the file can't be had. `create` makes it, full of zeros. Never unmapped.
LEVIN_API Page* map(const std::string& path, bool create = false) noexcept;

/// A sign of life. Called at every batch, from any thread.
LEVIN_API void beat() noexcept;
/// A checkpoint is safe on the disk: a restart is worth while. Also a sign of life.
LEVIN_API void saved() noexcept;

/// From here to its end the process promises to beat: silence is a hang, and to leave with exit
/// code 0 is a failure too. Scopes nest.
class LEVIN_API Watched {
 public:
  Watched() noexcept;
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

}  // namespace levin::heartbeat
