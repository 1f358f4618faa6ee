#include "levin/framework/base/codec/zip_reader.h"

#include <algorithm>

#include "levin/framework/base/codec/crc32.h"
#include "levin/framework/base/codec/zip_format.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

[[noreturn]] void damaged(const std::string& what) {
  throw CheckpointError(what + "; the file is damaged or incomplete");
}

struct Directory {
  std::uint64_t entries = 0, offset = 0, size = 0;
  std::size_t end = 0;  ///< where the parts behind the directory begin
};

// Says what the file is instead, for those that people do pass.
[[noreturn]] void refuse_other_format(std::string_view file) {
  if (file.empty()) throw CheckpointError("the file is empty");
  if (file.substr(0, 2) == std::string_view("\x80\x02", 2)) {
    throw CheckpointError(
        "this is the format of torch.save before PyTorch 1.6, which is not supported; load it in "
        "Python "
        "and save it again");
  }
  if (file.size() > 262 && file.substr(257, 5) == "ustar") {
    throw CheckpointError(
        "this is a tar file; only zip checkpoints, as torch.save writes them, can be read");
  }
  if (file.substr(0, 4) == "PK\x03\x04") damaged("the zip directory at the end is missing");
  throw CheckpointError("this is not a zip file as torch.save writes it");
}

std::size_t find_end(std::string_view file) {
  if (file.size() < zip::end_size) refuse_other_format(file);
  const std::size_t lowest =
      file.size() - std::min<std::size_t>(file.size(), zip::end_size + 0xffff);
  for (std::size_t at = file.size() - zip::end_size + 1; at-- > lowest;) {
    if (load_le<std::uint32_t>(file, at) != zip::end_signature) continue;
    if (at + zip::end_size + load_le<std::uint16_t>(file, at + 20) == file.size()) return at;
  }
  refuse_other_format(file);
}

Directory read_end64(std::string_view file, std::size_t end) {
  if (end < zip::locator64_size + zip::end64_size) damaged("the zip64 directory does not fit");
  const std::size_t locator = end - zip::locator64_size, at = locator - zip::end64_size;
  if (load_le<std::uint32_t>(file, locator) != zip::locator64_signature ||
      load_le<std::uint64_t>(file, locator + 8) != at ||
      load_le<std::uint32_t>(file, at) != zip::end64_signature) {
    damaged("the zip64 directory is not where it should be");
  }
  if (load_le<std::uint64_t>(file, at + 24) != load_le<std::uint64_t>(file, at + 32))
    damaged("the zip has several disks");
  return {load_le<std::uint64_t>(file, at + 32), load_le<std::uint64_t>(file, at + 48),
          load_le<std::uint64_t>(file, at + 40), at};
}

Directory read_end(std::string_view file) {
  const std::size_t end = find_end(file);
  if (load_le<std::uint32_t>(file, end + 4) != 0) damaged("the zip has several disks");
  Directory directory{load_le<std::uint16_t>(file, end + 10),
                      load_le<std::uint32_t>(file, end + 16),
                      load_le<std::uint32_t>(file, end + 12), end};
  if (load_le<std::uint16_t>(file, end + 8) != directory.entries)
    damaged("the zip has several disks");
  const bool has_locator =
      end >= zip::locator64_size &&
      load_le<std::uint32_t>(file, end - zip::locator64_size) == zip::locator64_signature;
  if (has_locator) {
    const Directory wide = read_end64(file, end);
    auto agree = [](std::uint64_t narrow, std::uint64_t value, std::uint64_t limit) {
      return narrow == std::min(value, limit);
    };
    if (!agree(directory.entries, wide.entries, 0xffff) ||
        !agree(directory.offset, wide.offset, zip::in_zip64) ||
        !agree(directory.size, wide.size, zip::in_zip64)) {
      damaged("the zip's two directories disagree");
    }
    directory = wide;
  }
  // The directory ends where the trailing parts begin; this also refuses a zip that was put behind
  // something else.
  if (directory.size > directory.end || directory.offset != directory.end - directory.size) {
    damaged("the zip directory is not where it should be");
  }
  if (directory.entries > 1'000'000 || directory.entries > directory.size / zip::central_size) {
    damaged("the zip directory claims " + std::to_string(directory.entries) + " records");
  }
  return directory;
}

// Replaces the 32-bit markers by the values of the zip64 field.
void read_zip64(zip::Entry& entry, std::uint64_t& compressed, std::string_view extra) {
  while (extra.size() >= 4) {
    const auto id = load_le<std::uint16_t>(extra), length = load_le<std::uint16_t>(extra, 2);
    if (length > extra.size() - 4) damaged("record " + entry.name + " has a broken extra field");
    std::string_view body = extra.substr(4, length);
    extra.remove_prefix(4 + length);
    if (id != zip::extra_zip64) continue;
    for (std::uint64_t* field : {&entry.size, &compressed, &entry.header_offset}) {
      if (*field != zip::in_zip64) continue;
      if (body.size() < 8) damaged("record " + entry.name + " has a broken zip64 field");
      *field = load_le<std::uint64_t>(body);
      body.remove_prefix(8);
    }
  }
}

zip::Entry read_central(std::string_view file, std::size_t& at, std::size_t end) {
  if (end - at < zip::central_size || load_le<std::uint32_t>(file, at) != zip::central_signature) {
    damaged("the zip directory has a broken entry");
  }
  const std::size_t name = load_le<std::uint16_t>(file, at + 28),
                    extra = load_le<std::uint16_t>(file, at + 30);
  const std::size_t comment = load_le<std::uint16_t>(file, at + 32),
                    total = zip::central_size + name + extra + comment;
  if (name == 0 || name > 4096 || total > end - at) damaged("the zip directory has a broken entry");
  zip::Entry entry{std::string(file.substr(at + zip::central_size, name)),
                   load_le<std::uint32_t>(file, at + 42), load_le<std::uint32_t>(file, at + 24),
                   load_le<std::uint32_t>(file, at + 16)};
  std::uint64_t compressed = load_le<std::uint32_t>(file, at + 20);
  read_zip64(entry, compressed, file.substr(at + zip::central_size + name, extra));
  if (load_le<std::uint16_t>(file, at + 8) & 0x2041)
    throw CheckpointError("record " + entry.name + " is encrypted, which is not supported");
  if (load_le<std::uint16_t>(file, at + 10) != 0) {
    throw CheckpointError("record " + entry.name +
                          " is compressed; checkpoints are stored uncompressed");
  }
  if (compressed != entry.size) damaged("record " + entry.name + " has two different sizes");
  if (load_le<std::uint16_t>(file, at + 34) != 0) damaged("the zip has several disks");
  at += total;
  return entry;
}

// Where the record's parts lie, once its local header is known to agree with the directory.
struct Place {
  std::size_t data = 0, end = 0;
};

Place read_local(std::string_view file, const zip::Entry& entry, std::size_t limit) {
  const std::string record = "record " + entry.name;
  const std::uint64_t at = entry.header_offset;
  if (at > limit || limit - at < zip::local_size ||
      load_le<std::uint32_t>(file, at) != zip::local_signature) {
    damaged(record + " has no header where the directory says");
  }
  const std::size_t name = load_le<std::uint16_t>(file, at + 26),
                    extra = load_le<std::uint16_t>(file, at + 28);
  if (zip::local_size + name + extra > limit - at) damaged(record + " reaches beyond the records");
  const std::size_t data = at + zip::local_size + name + extra;
  if (file.substr(at + zip::local_size, name) != entry.name)
    damaged(record + " has another name in its header");
  if (load_le<std::uint16_t>(file, at + 8) != 0)
    damaged(record + " has another method in its header");
  if (entry.size > limit - data) damaged(record + " reaches beyond the records");
  const std::size_t end = data + entry.size;
  const auto local_flags = load_le<std::uint16_t>(file, at + 6);
  if (!(local_flags & 8)) {
    const auto size = load_le<std::uint32_t>(file, at + 22);
    if (load_le<std::uint32_t>(file, at + 14) != entry.crc ||
        (size != entry.size && size != zip::in_zip64)) {
      damaged(record + " has another checksum or size in its header");
    }
    return {data, end};
  }
  if (limit - end < 16) damaged(record + " reaches beyond the records");
  if (load_le<std::uint32_t>(file, end) != zip::descriptor_signature)
    return {data, end};  // unsigned: old writers
  const bool wide =
      entry.is_zip64() && limit - end >= 24 && load_le<std::uint64_t>(file, end + 8) == entry.size;
  if (load_le<std::uint32_t>(file, end + 4) != entry.crc ||
      (!wide && load_le<std::uint32_t>(file, end + 8) !=
                    std::min<std::uint64_t>(entry.size, zip::in_zip64))) {
    damaged(record + " has another checksum or size behind its data");
  }
  return {data, end + (wide ? 24 : 16)};
}

bool equal_at(std::string_view file, std::uint64_t at, const std::string& expected) {
  return file.size() - at >= expected.size() && file.substr(at, expected.size()) == expected;
}

// Every byte that belongs to no record must be what the writer would have put there.
void check_layout(std::string_view file, const std::vector<zip::Entry>& entries,
                  const Directory& directory) {
  std::uint64_t at = 0;
  std::string central, header, descriptor;
  for (const zip::Entry& entry : entries) {
    header.clear(), descriptor.clear();
    zip::append_local_header(header, entry);
    zip::append_descriptor(descriptor, entry);
    const std::uint64_t end = at + header.size() + entry.size;
    if (entry.header_offset != at || !equal_at(file, at, header) || end > directory.offset ||
        !equal_at(file, end, descriptor)) {
      damaged("the bytes around record " + entry.name + " have changed");
    }
    at = end + descriptor.size();
    zip::append_central_header(central, entry);
  }
  zip::append_end_of_directory(central, entries.size(), at, central.size());
  if (at != directory.offset || file.substr(at) != central)
    damaged("bytes of the zip directory have changed");
}

}  // namespace

ZipReader::ZipReader(std::string_view file, bool canonical) {
  const Directory directory = read_end(file);
  const std::size_t directory_end = directory.offset + directory.size;
  std::vector<zip::Entry> entries;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::size_t at = directory.offset;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    zip::Entry entry = read_central(file, at, directory_end);
    const Place place = read_local(file, entry, directory.offset);
    const std::size_t slash = entry.name.find('/');
    if (slash == std::string::npos || slash == 0)
      damaged("record " + entry.name + " is in no folder");
    if (i == 0) root_ = entry.name.substr(0, slash);
    if (entry.name.compare(0, slash, root_) != 0)
      damaged("the records are in several root folders");
    records_.push_back(
        {entry.name.substr(slash + 1), entry.crc, file.substr(place.data, entry.size)});
    ranges.emplace_back(entry.header_offset, place.end);
    entries.push_back(std::move(entry));
  }
  if (at != directory_end) damaged("the zip directory has bytes left over");

  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) damaged("two records overlap");
  }
  std::sort(records_.begin(), records_.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (std::size_t i = 1; i < records_.size(); ++i) {
    if (records_[i].name == records_[i - 1].name)
      damaged("there are two records " + records_[i].name);
  }
  if (canonical && find(".storage_alignment")) check_layout(file, entries, directory);
}

const ZipRecord* ZipReader::find(std::string_view name) const {
  const auto found =
      std::lower_bound(records_.begin(), records_.end(), name,
                       [](const ZipRecord& record, std::string_view n) { return record.name < n; });
  return found != records_.end() && found->name == name ? &*found : nullptr;
}

void ZipReader::verify(const ZipRecord& record) const {
  if (record.crc != 0) verify(record, crc32(0, record.data.data(), record.data.size()));
}

void ZipReader::verify(const ZipRecord& record, std::uint32_t crc) const {
  if (record.crc != 0 && crc != record.crc)
    damaged("record " + root_ + "/" + record.name + " does not match its checksum");
}

}  // namespace levin
