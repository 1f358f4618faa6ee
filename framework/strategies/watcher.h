#pragma once
#include <ATen/core/Tensor.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace c10d {
class Store;
}

namespace levin {

/// What ranks tell one another beside the collectives, through the store: that they live, that SIGTERM came, why they failed. A thread
/// that wakes four times a second.
class Watcher {
 public:
  Watcher(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size);
  ~Watcher();
  Watcher(const Watcher&) = delete;

  /// SIGTERM came to another rank.
  bool peer_terminated() const { return peer_terminated_.load(std::memory_order_relaxed); }
  /// Ends the thread; `reason` is what others read of this rank ("" if it only follows another's failure).
  void leave(const std::string& reason) noexcept;
  /// Which rank failed and why, or who gives no sign of life. Takes some seconds at most.
  std::string explain_failure();

 private:
  void watch();
  void stop();
  std::string reported_failure();
  std::vector<std::string> beats();

  c10::intrusive_ptr<c10d::Store> store_;
  int rank_, size_;
  std::atomic<bool> peer_terminated_{false};
  bool told_ = false, stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace levin
