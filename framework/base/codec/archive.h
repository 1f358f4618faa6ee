#pragma once
#include <string>

#include "levin/framework/base/codec/byte_sink.h"
#include "levin/framework/base/codec/pickle_reader.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/files.h"
#include "levin/framework/base/value.h"

/// Checkpoint files (`.ckpt`, `.pt`) as `torch.save` and `torch.load` have them, without LibTorch.
namespace levin {

struct ReadOptions {
  /// Refuse classes outside torch's `weights_only=True` list. Otherwise they become inert objects;
  /// nothing is ever executed.
  bool strict = false;
  /// Check every record's CRC-32, and in PyTorch's aligned layout every byte between the records:
  /// no damage goes unseen. Costs one pass over the file.
  bool verify = true;
  /// Copy the tensors' bytes. Otherwise tensors are views of the mapped file, which stays mapped as
  /// long as one of them lives; then the file must not be changed in place (replacing it by a
  /// rename is safe).
  bool copy = false;
  PickleLimits limits;
};

/// Reads a checkpoint. FileNotFoundError or OSError if the file can't be opened; CheckpointError,
/// which names the file and the record, for one that is damaged, hostile, or in another format.
LEVIN_API Value read_archive(const std::string& path, const ReadOptions& options = {});
/// The same from memory; `name` stands for the file in messages. Tensors are copied.
LEVIN_API Value read_archive_bytes(std::string_view bytes, const ReadOptions& options = {},
                                   const std::string& name = "<memory>");

/// Writes a checkpoint as `torch.save` does: one record for each distinct Storage, numbered in
/// order of first use. Equal trees give equal bytes. TypeError or ValueError, before anything is
/// written, for what Python could not load; see write_pickle.
LEVIN_API void write_archive(const Value& root, ByteSink& sink);
/// The same into a string.
LEVIN_API std::string archive_bytes(const Value& root);

/// Saves a checkpoint with write_durably: OSError, with the file that was there untouched, if it
/// can't be written or would not fit on the disk; false if it is in place but the file system can't
/// sync folders. TypeError or ValueError as write_archive. A file of less than 64 MB is read back
/// and verified before it takes its name (CheckpointError).
LEVIN_API bool save_archive(const Value& root, const std::string& path,
                            Files& files = real_files());
/// The exact number of bytes that write_archive makes of the tree. Looks at no tensor's data.
LEVIN_API std::uint64_t archive_size(const Value& root);

}  // namespace levin
