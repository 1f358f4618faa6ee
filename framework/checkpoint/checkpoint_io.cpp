#include "levin/framework/checkpoint/checkpoint_io.h"

#include <filesystem>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/heartbeat.h"

namespace levin {
namespace {

namespace fs = std::filesystem;

void say_unless_synced(bool synced, const std::string& path) {
  if (synced) return;
  warn_once(folder_of(path) + ": this file system can't sync folders; checkpoints are complete, but a power cut may bring an older one back");
}

}  // namespace

CheckpointIO::~CheckpointIO() = default;

void CheckpointIO::save_checkpoint(const Value& checkpoint, const std::string& path) {
  if (const int error = real_files().make_directories(folder_of(path)); error < 0) throw_os_error(-error, folder_of(path));
  heartbeat::beat();
  say_unless_synced(save_where_space_may_come(checkpoint, path), path);
  heartbeat::saved();
}

// The space of what was removed last may not be free yet.
bool CheckpointIO::save_where_space_may_come(const Value& checkpoint, const std::string& path) {
  const bool may_come = remover_.busy();  // asked first: it may come while the save fails
  try {
    return save_archive(checkpoint, path);
  } catch (const NoSpaceError&) {
    if (!may_come) throw;
  }
  remover_.wait();
  return save_archive(checkpoint, path);
}

Value CheckpointIO::load_checkpoint(const std::string& path) { return read_archive(path); }

void CheckpointIO::remove_checkpoint(const std::string& path) { remover_.remove(path); }

void CheckpointIO::teardown() { remover_.wait(); }

void CheckpointIO::link_checkpoint(const std::string& target, const std::string& link) {
  if (fs::absolute(target) == fs::absolute(link)) return;
  if (fs::is_directory(fs::symlink_status(link))) fs::remove_all(link);
  const std::string relative = fs::relative(target, fs::path(link).parent_path()).string();
  const Linked linked = link_or_copy(real_files(), relative, link);
  if (linked.is_copy) warn_once(folder_of(link) + ": this file system has no symbolic links; `last` is a copy");
  say_unless_synced(linked.synced, link);
}

bool CheckpointIO::exists(const std::string& path) { return fs::exists(fs::symlink_status(path)); }

}  // namespace levin
