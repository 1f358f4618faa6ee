#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "levin/framework/base/snapshot.h"
#include "levin/framework/checkpoint/checkpoint_io.h"

namespace levin {

/// Saves in the background: `Trainer({.plugins = {std::make_shared<levin::AsyncCheckpointIO>()}})`.
///
/// `save_checkpoint` copies the state (the only time that training waits: about one memcpy) and returns; one thread writes it with
/// the CheckpointIO inside. At most one save is in flight: the next one waits for it. Links and removals keep their order behind the
/// save they follow, so a file still goes only after the one that takes its place is complete.
///
/// A failure is thrown after the next training batch, by the next save, or at the end of the run, whichever comes first; what was
/// queued behind it, removals above all, is dropped. Nothing is reported as saved that is not: a checkpoint counts once its file does.
class LEVIN_API AsyncCheckpointIO final : public CheckpointIO {
 public:
  /// Around `checkpoint_io`, or Lightning's default: plain local files.
  explicit AsyncCheckpointIO(std::shared_ptr<CheckpointIO> checkpoint_io = nullptr);
  /// Finishes what was begun; a failure that nobody has asked for is logged as an error.
  ~AsyncCheckpointIO() override;

  void save_checkpoint(const Value& checkpoint, const std::string& path) override;
  /// Waits for what goes on first.
  Value load_checkpoint(const std::string& path) override;
  void remove_checkpoint(const std::string& path) override;
  void link_checkpoint(const std::string& target, const std::string& link) override;
  bool exists(const std::string& path) override;
  void rethrow_failure() override;
  void teardown() override;

 private:
  struct Job {
    std::string path;
    bool leaves_file;  ///< whether there is a file of this name afterwards
    std::function<void()> work;
  };
  void enqueue(std::unique_lock<std::mutex>& lock, Job job);
  void wait(std::unique_lock<std::mutex>& lock);
  void throw_failure(std::unique_lock<std::mutex>& lock);
  void work();

  std::shared_ptr<CheckpointIO> io_;
  Snapshots snapshots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  ///< the front one is being done
  std::exception_ptr failure_;
  std::atomic<bool> failed_ = false;  ///< failure_ is set; read without the lock after every batch
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace levin
