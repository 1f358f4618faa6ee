#pragma once
#include <ATen/core/Tensor.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
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

  /// This rank has come to a point that all come to, in the same order: a collective, a training step. Who has come to fewer is waited for.
  void count_point() { points_.fetch_add(1, std::memory_order_relaxed); }
  /// SIGTERM came to another rank.
  bool peer_terminated() const { return peer_terminated_.load(std::memory_order_relaxed); }
  /// From now on also looks for ranks that have failed or give no sign of life, and calls this once if there is one, from its thread.
  void on_failure(std::function<void()> call);
  /// Whether it has found one.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  /// Ends the thread; `reason` is what others read of this rank ("" if it only follows another's failure).
  void leave(const std::string& reason) noexcept;
  /// Which rank failed and why, or who gives no sign of life, or lives but is waited for. Takes some seconds at most.
  std::string explain_failure();

 private:
  void watch();
  void look_for_failure();
  void stop();
  std::string reported_failure();
  std::vector<std::string> beats();
  std::string late(const std::vector<std::string>& beats) const;

  c10::intrusive_ptr<c10d::Store> store_;
  int rank_, size_;
  std::atomic<bool> peer_terminated_{false}, failed_{false};
  std::atomic<std::int64_t> points_{0};
  std::function<void()> on_failure_;
  std::string neighbours_beat_;  ///< the last one seen of the rank behind this one, and since when
  std::chrono::steady_clock::time_point beat_seen_{};
  bool told_ = false, stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace levin
