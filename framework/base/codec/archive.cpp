#include "levin/framework/base/codec/archive.h"

#include <cstring>
#include <utility>

#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/codec/pickle_writer.h"
#include "levin/framework/base/codec/zip_reader.h"
#include "levin/framework/base/codec/zip_writer.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::size_t largest_pickle = std::size_t{256} << 20;

// Bytes that outlive the file they were in. std::max_align_t's alignment, as every allocation has.
std::shared_ptr<const void> copied(std::string_view data) {
  std::shared_ptr<char[]> buffer(new char[data.size()]);
  std::memcpy(buffer.get(), data.data(), data.size());
  return buffer;
}

class ArchiveReader {
 public:
  ArchiveReader(std::string_view file, std::shared_ptr<const void> owner,
                const ReadOptions& options)
      : zip_(file, options.verify), owner_(std::move(owner)), options_(options), size_(file.size()) {}

  Value read() {
    check_format();
    if (options_.verify) {
      for (const ZipRecord& record : zip_.records()) zip_.verify(record);
    }
    const ZipRecord* pickle = zip_.find("data.pkl");
    if (!pickle) throw CheckpointError("it has no record data.pkl");
    if (pickle->data.size() > largest_pickle)
      throw CheckpointError("data.pkl has more than 256 MiB");
    PickleLimits limits = options_.limits;
    limits.heap += size_;  // with the copies of tensors, all in all twice the file and `heap`
    try {
      return read_pickle(pickle->data, [this](const StorageReference& r) { return storage(r); },
                         {options_.strict, limits});
    } catch (const CheckpointError& e) {
      throw CheckpointError("record " + zip_.root() + "/data.pkl " + e.what());
    }
  }

 private:
  void check_format() const {
    if (zip_.find("constants.pkl")) {
      throw CheckpointError(
          "it is a TorchScript archive (torch.jit.save, or torch::save in C++), not a checkpoint "
          "of torch.save");
    }
    const ZipRecord* order = zip_.find("byteorder");
    if (order && order->data != "little")
      throw CheckpointError("it was saved on a big-endian machine, which is not supported");
    const ZipRecord* version = zip_.find("version");
    if (!version) return;
    std::string_view digits = version->data;
    while (!digits.empty() && digits.back() == '\n') digits.remove_suffix(1);
    const bool number = !digits.empty() && digits.size() <= 9 &&
                        digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!number || std::stol(std::string(digits)) > 10) {
      throw CheckpointError("its format version is newer than 10, the newest that can be read");
    }
  }

  std::shared_ptr<const Storage> storage(const StorageReference& reference) {
    const ZipRecord* record = zip_.find("data/" + reference.key);
    if (!record) throw CheckpointError("there is no record data/" + reference.key);
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(reference.numel, itemsize(reference.dtype), &bytes) ||
        bytes != record->data.size()) {
      throw CheckpointError("storage " + reference.key + " should have " +
                            std::to_string(reference.numel) + " elements of " +
                            dtype_name(reference.dtype) + ", but its record has " +
                            std::to_string(record->data.size()) + " bytes");
    }
    Storage made{
        .dtype = reference.dtype, .nbytes = record->data.size(), .location = reference.location};
    if (made.nbytes > 0 && (options_.copy || !owner_)) {
      made.owner = copied(record->data);
      made.data = made.owner.get();
    } else if (made.nbytes > 0) {
      made.owner = owner_;
      made.data = record->data.data();
    }
    return std::make_shared<const Storage>(std::move(made));
  }

  ZipReader zip_;
  std::shared_ptr<const void> owner_;
  const ReadOptions& options_;
  std::size_t size_;
};

Value read_named(std::string_view file, std::shared_ptr<const void> owner,
                 const ReadOptions& options, const std::string& name) {
  try {
    return ArchiveReader(file, std::move(owner), options).read();
  } catch (const CheckpointError& e) {
    throw CheckpointError("can't read the checkpoint '" + name + "': " + e.what());
  }
}

}  // namespace

Value read_archive(const std::string& path, const ReadOptions& options) {
  const auto file = MappedFile::open(path);
  return read_named(file->bytes(), file, options, path);
}

Value read_archive_bytes(std::string_view bytes, const ReadOptions& options,
                         const std::string& name) {
  return read_named(bytes, nullptr, options, name);
}

void write_archive(const Value& root, ByteSink& sink) {
  const Pickled pickled = write_pickle(root);
  ZipWriter zip(sink);
  zip.add("data.pkl", pickled.bytes);
  zip.add(".format_version", "1");
  zip.add(".storage_alignment", "64");
  zip.add("byteorder", "little");
  for (std::size_t i = 0; i < pickled.storages.size(); ++i) {
    zip.add("data/" + std::to_string(i), pickled.storages[i]->data, pickled.storages[i]->nbytes);
  }
  zip.add("version", "3\n");
  zip.add(".data/serialization_id", zip.content_id());
  zip.finish();
}

std::string archive_bytes(const Value& root) {
  StringSink sink;
  write_archive(root, sink);
  return sink.take();
}

}  // namespace levin
