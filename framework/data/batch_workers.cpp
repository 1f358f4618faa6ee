#include "levin/framework/data/batch_workers.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <chrono>
#include <utility>

#include "levin/framework/base/python_format.h"

// Per-thread settings of the libraries that LibTorch computes with; absent in a build without them.
extern "C" __attribute__((weak)) void omp_set_num_threads(int threads);
extern "C" __attribute__((weak)) int MKL_Set_Num_Threads_Local(int threads);

namespace levin {
namespace {

/// Makes LibTorch's operators use this thread alone; else every worker would start a team of
/// threads as large as the machine. at::set_num_threads(1) is not the way: it also sets what
/// threads that come later (autograd's) start with.
void compute_single_threaded() {
  at::get_num_threads();  // LibTorch sets a thread up at its first question, so ours must come
                          // after it
  if (omp_set_num_threads) omp_set_num_threads(1);
  if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(1);
}

}  // namespace

BatchWorkers::BatchWorkers(std::unique_ptr<BatchSource> source, Finish finish, std::size_t threads,
                           std::size_t prefetch)
    : source_(std::move(source)), finish_(std::move(finish)), slots_(threads * prefetch) {
  threads_.reserve(threads);
  try {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {  // the system gives no more threads: those that run must not outlive this object
    stop_and_join();
    throw;
  }
}

BatchWorkers::~BatchWorkers() { stop_and_join(); }

void BatchWorkers::stop_and_join() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool BatchWorkers::next(Batch& out, double timeout) {
  std::unique_lock lock(mutex_);
  Slot& slot = slots_[handed_out_ % slots_.size()];
  const auto due = [&] { return slot.ready || handed_out_ == end_; };
  if (timeout <= 0) {
    ready_.wait(lock, due);
  } else if (!ready_.wait_for(lock, std::chrono::duration<double>(timeout), due)) {
    throw DataLoaderTimeout("DataLoader timed out after " + python_repr(timeout) + " seconds");
  }
  if (!slot.ready) return false;
  if (slot.error) std::rethrow_exception(slot.error);
  out = std::move(slot.batch);
  slot = Slot{};
  ++handed_out_;
  room_.notify_one();  // one is enough: only the worker that holds claiming_ waits for room
  return true;
}

void BatchWorkers::work() {
  compute_single_threaded();
  const at::NoGradGuard no_grad;
  BatchSource::Job job;
  std::size_t ticket = 0;
  while (claim(job, ticket)) {
    try {
      Batch batch = source_->make(job);
      deliver(ticket, finish_ ? finish_(std::move(batch)) : std::move(batch), nullptr);
    } catch (...) {
      deliver(ticket, {}, std::current_exception());
    }
  }
}

bool BatchWorkers::claim(BatchSource::Job& job, std::size_t& ticket) {
  const std::lock_guard claiming(claiming_);
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock,
               [&] { return stop_ || end_ != unknown || claimed_ - handed_out_ < slots_.size(); });
    if (stop_ || end_ != unknown) return false;
    ticket = claimed_++;
  }
  try {  // without mutex_: a stream may take its time here, and `next` must not wait for it
    if (source_->claim(job)) return true;
    end_at(ticket);
  } catch (...) {
    deliver(ticket, {}, std::current_exception());
    end_at(ticket + 1);
  }
  return false;
}

void BatchWorkers::deliver(std::size_t ticket, Batch batch, std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  slots_[ticket % slots_.size()] = {true, std::move(batch), std::move(error)};
  if (ticket == handed_out_) ready_.notify_one();
}

void BatchWorkers::end_at(std::size_t ticket) {
  const std::lock_guard lock(mutex_);
  end_ = ticket;
  ready_.notify_one();
}

}  // namespace levin
