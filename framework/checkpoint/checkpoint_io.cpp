#include "levin/framework/checkpoint/checkpoint_io.h"

#include <filesystem>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin {

CheckpointIO::~CheckpointIO() = default;

void CheckpointIO::save_checkpoint(const Value& checkpoint, const std::string& path) {
  Files& files = real_files();
  if (const int error = files.make_directories(folder_of(path)); error < 0) throw_os_error(-error, folder_of(path));
  const bool synced = write_durably(files, path, [&](ByteSink& sink) { write_archive(checkpoint, sink); });
  if (!synced) {
    warn_once(folder_of(path) + ": this file system can't sync folders; checkpoints are complete, but a power cut may bring an older one back");
  }
}

Value CheckpointIO::load_checkpoint(const std::string& path) { return read_archive(path); }

void CheckpointIO::remove_checkpoint(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) throw OSError(path + ": " + error.message());
}

}  // namespace levin
