#pragma once
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/data/batch_source.h"

namespace levin {

/// The batch that is due did not come in time; it may still come, so this does not end the epoch.
class DataLoaderTimeout final : public RuntimeError {
  using RuntimeError::RuntimeError;
};

/// Threads that make the batches of one epoch ahead of time and hand them out in order. A part of
/// DataLoader.
///
/// At most `threads * prefetch` batches are claimed and not yet handed out. Nobody polls: workers
/// sleep while that many are there, `next` sleeps while the batch that is due is not. The
/// destructor lets each worker finish the batch in hand.
class BatchWorkers {
 public:
  using Finish = std::function<Batch(Batch)>;  ///< applied to each batch, in the worker (pinning)

  BatchWorkers(std::unique_ptr<BatchSource> source, Finish finish, std::size_t threads,
               std::size_t prefetch);
  ~BatchWorkers();
  BatchWorkers(const BatchWorkers&) = delete;
  BatchWorkers& operator=(const BatchWorkers&) = delete;

  /// The next batch; false at the end. Rethrows what was thrown while this batch was made. More
  /// than `timeout` seconds of waiting are a DataLoaderTimeout; 0 waits for ever.
  bool next(Batch& out, double timeout);

 private:
  struct Slot {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };
  static constexpr std::size_t unknown = ~std::size_t{0};

  void work();
  bool claim(BatchSource::Job& job, std::size_t& ticket);
  void deliver(std::size_t ticket, Batch batch, std::exception_ptr error);
  void end_at(std::size_t ticket);
  void stop_and_join();

  std::unique_ptr<BatchSource> source_;
  Finish finish_;
  std::mutex claiming_;  // held while one worker claims; taken before mutex_, never within
  std::mutex mutex_;     // guards all below
  std::condition_variable room_, ready_;
  std::vector<Slot> slots_;  // the batch of ticket t is in slot t % size
  std::size_t claimed_ = 0, handed_out_ = 0, end_ = unknown;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace levin
