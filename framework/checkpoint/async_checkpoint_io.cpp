#include "levin/framework/checkpoint/async_checkpoint_io.h"

#include <algorithm>
#include <utility>

#include "levin/framework/base/console.h"

namespace levin {

AsyncCheckpointIO::AsyncCheckpointIO(std::shared_ptr<CheckpointIO> checkpoint_io)
    : io_(checkpoint_io ? std::move(checkpoint_io) : std::make_shared<CheckpointIO>()) {}

AsyncCheckpointIO::~AsyncCheckpointIO() {
  {
    std::unique_lock lock(mutex_);
    wait(lock);
    stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (!failure_) return;
  try {
    std::rethrow_exception(failure_);
  } catch (const std::exception& error) {
    console_error(std::string("A checkpoint was not saved: ") + error.what());
  }
}

void AsyncCheckpointIO::save_checkpoint(const Value& checkpoint, const std::string& path) {
  std::unique_lock lock(mutex_);
  wait(lock);
  throw_failure(lock);
  // Nothing is in flight: the snapshot's memory may be used again.
  Value copy = snapshots_.take(checkpoint);
  enqueue(lock, {path, true, [this, copy = std::move(copy), path] { io_->save_checkpoint(copy, path); }});
}

Value AsyncCheckpointIO::load_checkpoint(const std::string& path) {
  std::unique_lock lock(mutex_);
  wait(lock);
  throw_failure(lock);
  return io_->load_checkpoint(path);
}

void AsyncCheckpointIO::remove_checkpoint(const std::string& path) {
  std::unique_lock lock(mutex_);
  enqueue(lock, {path, false, [this, path] { io_->remove_checkpoint(path); }});
}

void AsyncCheckpointIO::link_checkpoint(const std::string& target, const std::string& link) {
  std::unique_lock lock(mutex_);
  enqueue(lock, {link, true, [this, target, link] { io_->link_checkpoint(target, link); }});
}

bool AsyncCheckpointIO::exists(const std::string& path) {
  std::unique_lock lock(mutex_);
  const auto last = std::find_if(jobs_.rbegin(), jobs_.rend(), [&](const Job& job) { return job.path == path; });
  return last != jobs_.rend() ? last->leaves_file : io_->exists(path);
}

void AsyncCheckpointIO::rethrow_failure() {
  if (!failed_.load(std::memory_order_acquire)) return;
  std::unique_lock lock(mutex_);
  throw_failure(lock);
}

void AsyncCheckpointIO::teardown() {
  std::unique_lock lock(mutex_);
  wait(lock);
  throw_failure(lock);
  lock.unlock();
  io_->teardown();
}

void AsyncCheckpointIO::enqueue(std::unique_lock<std::mutex>&, Job job) {
  if (failure_) return;  // it will be thrown; nothing that follows it may happen
  jobs_.push_back(std::move(job));
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_all();
}

void AsyncCheckpointIO::wait(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return jobs_.empty(); });
}

void AsyncCheckpointIO::throw_failure(std::unique_lock<std::mutex>&) {
  if (!failure_) return;
  failed_ = false;
  std::rethrow_exception(std::exchange(failure_, nullptr));
}

void AsyncCheckpointIO::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto work = std::move(jobs_.front().work);
    lock.unlock();
    std::exception_ptr failure;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    work = nullptr;  // gives the snapshot's memory back
    lock.lock();
    if (failure) {
      failure_ = failure;
      failed_.store(true, std::memory_order_release);
      jobs_.clear();
    } else {
      jobs_.pop_front();
    }
    changed_.notify_all();
  }
}

}  // namespace levin
