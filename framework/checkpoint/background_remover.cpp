#include "levin/framework/checkpoint/background_remover.h"

#include <cerrno>
#include <filesystem>

namespace levin {
namespace {

constexpr std::size_t most_held = 8;

void remove_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) throw_os_error(error.value(), path);
}

}  // namespace

BackgroundRemover::~BackgroundRemover() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BackgroundRemover::remove(const std::string& path) {
  // Where that is not possible, the space is given back at once.
  const int descriptor = files_.hold(path);
  const int removed = files_.unlink(path);
  if (descriptor >= 0) release(descriptor);
  if (removed == -EISDIR || removed == -EPERM) return remove_folder(path);  // POSIX: EPERM
  if (removed < 0 && removed != -ENOENT && removed != -ENOTDIR) throw_os_error(-removed, path);
}

bool BackgroundRemover::busy() {
  const std::lock_guard lock(mutex_);
  return !held_.empty();
}

void BackgroundRemover::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return held_.empty(); });
}

void BackgroundRemover::release(int descriptor) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return held_.size() < most_held; });
  held_.push_back(descriptor);
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  if (held_.size() == 1) changed_.notify_all();
}

void BackgroundRemover::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !held_.empty(); });
    if (held_.empty()) return;
    const int descriptor = held_.front();
    lock.unlock();
    files_.close(descriptor);
    lock.lock();
    held_.erase(held_.begin());
    changed_.notify_all();
  }
}

}  // namespace levin
