#include "levin/framework/base/inspect/verify.h"

#include <algorithm>
#include <optional>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/codec/safetensors.h"
#include "levin/framework/base/codec/zip_reader.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

class CheckpointCheck {
 public:
  CheckpointCheck(const std::string& path, std::string_view bytes, const PrintLine& print)
      : path_(path), bytes_(bytes), print_(print) {}

  bool run() {
    const auto zip = open();
    if (!zip) return false;
    // In the order of the file.
    std::vector<const ZipRecord*> records;
    for (const ZipRecord& record : zip->records()) records.push_back(&record);
    std::sort(records.begin(), records.end(),
              [](const ZipRecord* a, const ZipRecord* b) { return a->data.data() < b->data.data(); });
    for (const ZipRecord* record : records) check(*zip, *record);
    try {
      read_archive(path_, {.verify = false});
      print_("good  contents");
    } catch (const CheckpointError& error) {
      bad("contents", error.what());
    }
    std::string sum = counted(records.size(), "record") + ": " + std::to_string(records.size() - bad_records_ - unchecked_) + " good";
    if (bad_records_ > 0) sum += ", " + std::to_string(bad_records_) + " bad";
    if (unchecked_ > 0) sum += ", " + std::to_string(unchecked_) + " without a checksum";
    print_(sum + (bad_ == 0 ? "; the file is good" : "; the file is damaged"));
    return bad_ == 0;
  }

 private:
  // With the bytes between the records, or without them if only those are bad.
  std::optional<ZipReader> open() {
    try {
      return ZipReader(bytes_, true);
    } catch (const CheckpointError& error) {
      bad("layout", error.what());
    }
    try {
      return ZipReader(bytes_, false);
    } catch (const CheckpointError&) {
      print_("the file is damaged: its records can't be found");
      return std::nullopt;
    }
  }

  void check(const ZipReader& zip, const ZipRecord& record) {
    const std::string what = record.name + "  " + human_bytes(record.data.size());
    try {
      zip.verify(record);
    } catch (const CheckpointError& error) {
      ++bad_records_;
      return bad(what, error.what());
    }
    const bool unchecked = record.crc == 0 && !record.data.empty();
    unchecked_ += unchecked ? 1 : 0;
    print_(harmless((unchecked ? "?     " : "good  ") + what + (unchecked ? ", no checksum" : "")));
  }

  void bad(const std::string& what, const std::string& why) {
    ++bad_;
    print_(harmless("bad   " + what + ": " + why));
  }

  const std::string& path_;
  std::string_view bytes_;
  const PrintLine& print_;
  std::size_t bad_ = 0, bad_records_ = 0, unchecked_ = 0;
};

}  // namespace

bool verify_file(const std::string& path, const PrintLine& print) {
  const auto file = MappedFile::open(path);
  const std::string_view bytes = file->bytes();
  const bool zip = bytes.starts_with("PK\x03\x04");
  if (zip || !(looks_like_safetensors(bytes) || path.ends_with(".safetensors"))) return CheckpointCheck(path, bytes, print).run();
  try {
    const std::size_t tensors = read_safetensors(path).tensors.size();
    print("good  header and ranges of " + counted(tensors, "tensor") + "; safetensors files have no checksums");
    return true;
  } catch (const CheckpointError& error) {
    print(harmless(std::string("bad   ") + error.what()));
    return false;
  }
}

}  // namespace levin
