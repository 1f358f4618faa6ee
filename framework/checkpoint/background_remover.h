#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/files.h"

namespace levin {

/// Removes files whose space is given back in the background. That can take as long as writing a small file durably (the system
/// tells the disk which blocks are free, and waits for it), and training need not wait for it.
///
/// A file is gone when `remove` returns, and nothing of it can be seen any more: its name is taken away while a descriptor keeps the
/// space, and a thread closes the descriptor. A process that is killed in between leaves nothing behind, the system closes it then.
class LEVIN_API BackgroundRemover {
 public:
  explicit BackgroundRemover(Files& files = real_files()) : files_(files) {}
  /// Waits until all space is given back.
  ~BackgroundRemover();
  BackgroundRemover(const BackgroundRemover&) = delete;
  BackgroundRemover& operator=(const BackgroundRemover&) = delete;

  /// A missing file is fine; OSError if it can't be removed. A folder, which other programs' checkpoints can be, goes with what is in
  /// it and at once. Waits while many files' space is still to be given back.
  void remove(const std::string& path);
  /// Whether some space is still to be given back.
  bool busy();
  /// Waits until all space is given back.
  void wait();

 private:
  void release(int descriptor);
  void work();

  Files& files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> held_;  ///< the front one is being closed
  bool stop_ = false;
  std::thread thread_;  ///< from the first removal on
};

}  // namespace levin
