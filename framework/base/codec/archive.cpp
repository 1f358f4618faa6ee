#include "levin/framework/base/codec/archive.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "levin/framework/base/codec/crc32.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/codec/fresh_memory.h"
#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/codec/pickle_writer.h"
#include "levin/framework/base/codec/zip_reader.h"
#include "levin/framework/base/codec/zip_writer.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::size_t largest_pickle = std::size_t{256} << 20;

constexpr std::uint64_t made_in_memory_below = std::uint64_t{256} << 10;
constexpr std::uint64_t read_back_below = std::uint64_t{64} << 20;

class ArchiveReader {
 public:
  /// `mapped` is what `file` is a view of, nullptr for bytes in memory.
  ArchiveReader(std::string_view file, std::shared_ptr<const MappedFile> mapped,
                const ReadOptions& options)
      : zip_(file, options.verify),
        file_(file),
        mapped_(std::move(mapped)),
        copies_(options.copy || !mapped_),
        options_(options) {}

  Value read() {
    check_format();
    if (options_.verify) {
      for (const ZipRecord& record : zip_.records())
        if (!is_copied(record)) zip_.verify(record);
    }
    const ZipRecord* pickle = zip_.find("data.pkl");
    if (!pickle) throw CheckpointError("it has no record data.pkl");
    if (pickle->data.size() > largest_pickle)
      throw CheckpointError("data.pkl has more than 256 MiB");
    Value root = read_tree(*pickle);
    if (options_.verify) verify_copies();
    return root;
  }

 private:
  // Tensors that are copied are verified on the way.
  bool is_copied(const ZipRecord& record) const {
    return copies_ && record.name.starts_with("data/");
  }

  Value read_tree(const ZipRecord& pickle) {
    PickleLimits limits = options_.limits;
    limits.heap += file_.size();  // with the copies of tensors, all in all twice the file and `heap`
    try {
      return read_pickle(pickle.data, [this](const StorageReference& r) { return storage(r); },
                         {options_.strict, limits});
    } catch (const CheckpointError& e) {
      throw CheckpointError("record " + zip_.root() + "/data.pkl " + e.what());
    }
  }

  // Records that nothing in the tree refers to were not copied.
  void verify_copies() const {
    for (const ZipRecord& record : zip_.records()) {
      if (!is_copied(record)) continue;
      const auto copy = copies_made_.find(&record);
      if (copy == copies_made_.end())
        zip_.verify(record);
      else
        zip_.verify(record, copy->second);
    }
  }

  // In pieces that stay in the cache between the copy and the checksum.
  std::shared_ptr<const void> copied(const ZipRecord& record) {
    constexpr std::size_t piece = std::size_t{128} << 10;
    auto memory = fresh_memory(record.data.size());
    std::uint32_t crc = 0;
    for (std::size_t done = 0; done < record.data.size();) {
      const std::size_t size = std::min(piece, record.data.size() - done);
      const char* from = record.data.data() + done;
      char* to = memory.get() + done;
      if (!mapped_)
        std::memcpy(to, from, size);
      else if (!mapped_->read(static_cast<std::size_t>(from - file_.data()), to, size))
        throw CheckpointError("record " + zip_.root() + "/" + record.name + " can't be read");
      if (options_.verify) crc = crc32(crc, to, size);
      done += size;
    }
    copies_made_[&record] = crc;
    return memory;
  }

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
    if (made.nbytes > 0 && copies_) {
      made.owner = copied(*record);
      made.data = made.owner.get();
    } else if (made.nbytes > 0) {
      made.owner = mapped_;
      made.data = record->data.data();
    }
    return std::make_shared<const Storage>(std::move(made));
  }

  ZipReader zip_;
  std::string_view file_;
  std::shared_ptr<const MappedFile> mapped_;
  bool copies_;
  const ReadOptions& options_;
  std::map<const ZipRecord*, std::uint32_t> copies_made_;  // with their checksums
};

Value read_named(std::string_view file, std::shared_ptr<const MappedFile> mapped,
                 const ReadOptions& options, const std::string& name) {
  try {
    return ArchiveReader(file, std::move(mapped), options).read();
  } catch (const CheckpointError& e) {
    throw CheckpointError("can't read the checkpoint '" + name + "': " + e.what());
  }
}

// A tree on its way into a file: pickled once, then measured and written.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(const Value& root) : pickled_(write_pickle(root)) {}

  void write(ByteSink& sink) const {
    ZipWriter zip(sink);
    for_each_record([&](const std::string& name, const void* data, std::size_t size) {
      zip.add(name, data, size);
    });
    zip.add(id_name, zip.content_id());
    zip.finish();
  }

  // Where each part lies follows from the sizes alone.
  std::uint64_t size() const {
    std::uint64_t position = 0, records = 0;
    std::string scratch, directory;
    auto add = [&](const std::string& name, const void*, std::size_t bytes) {
      const zip::Entry entry{.name = "archive/" + name, .header_offset = position, .size = bytes};
      scratch.clear();
      zip::append_local_header(scratch, entry);
      zip::append_descriptor(scratch, entry);
      position += scratch.size() + bytes;
      zip::append_central_header(directory, entry);
      ++records;
    };
    for_each_record(add);
    add(id_name, nullptr, id_size);
    zip::append_end_of_directory(directory, records, position, directory.size());
    return position + directory.size();
  }

  // Without what lies around the records.
  std::uint64_t content_size() const {
    std::uint64_t size = pickled_.bytes.size();
    for (const auto& storage : pickled_.storages) size += storage->nbytes;
    return size;
  }

 private:
  static constexpr const char* id_name = ".data/serialization_id";
  static constexpr std::size_t id_size = 40;

  // All but the last, whose content follows from the others.
  template <class Use>
  void for_each_record(Use use) const {
    auto text = [&](const char* name, std::string_view content) {
      use(name, content.data(), content.size());
    };
    text("data.pkl", pickled_.bytes);
    text(".format_version", "1");
    text(".storage_alignment", "64");
    text("byteorder", "little");
    for (std::size_t i = 0; i < pickled_.storages.size(); ++i)
      use("data/" + std::to_string(i), pickled_.storages[i]->data, pickled_.storages[i]->nbytes);
    text("version", "3\n");
  }

  Pickled pickled_;
};

}  // namespace

Value read_archive(const std::string& path, const ReadOptions& options) {
  const auto file = MappedFile::open(path, options.copy);
  return read_named(file->bytes(), file, options, path);
}

Value read_archive_bytes(std::string_view bytes, const ReadOptions& options,
                         const std::string& name) {
  return read_named(bytes, nullptr, options, name);
}

void write_archive(const Value& root, ByteSink& sink) { ArchiveWriter(root).write(sink); }

std::string archive_bytes(const Value& root) {
  StringSink sink;
  write_archive(root, sink);
  return sink.take();
}

std::uint64_t archive_size(const Value& root) { return ArchiveWriter(root).size(); }

bool save_archive(const Value& root, const std::string& path, Files& files) {
  const ArchiveWriter writer(root);
  // A small file is made in memory first: measuring it would take as long.
  if (writer.content_size() < made_in_memory_below) {
    StringSink made;
    writer.write(made);
    return write_durably(files, path, [&](ByteSink& sink) { sink.write(made.text()); },
                         {.expected_bytes = made.text().size(), .read_back = true});
  }
  const std::uint64_t size = writer.size();
  return write_durably(files, path, [&](ByteSink& sink) { writer.write(sink); },
                       {.expected_bytes = size, .read_back = size < read_back_below});
}

}  // namespace levin
