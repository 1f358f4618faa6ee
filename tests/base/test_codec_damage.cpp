#include "codec_support.h"
#include "levin/framework/base/codec/crc32.h"
#include "levin/framework/base/codec/zip_reader.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;
using Catch::Matchers::Contains;

namespace {

std::string small_file() {
  return archive_bytes(
      Dict{{"w", floats({1, 2, 3})}, {"e", whole(storage_of("", DType::float32), {0})}, {"n", 7}});
}

std::string zip_of(std::initializer_list<std::pair<const char*, std::string>> records) {
  StringSink sink;
  ZipWriter zip(sink);
  for (const auto& [name, data] : records) zip.add(name, data);
  zip.finish();
  return sink.take();
}

// Changes the bytes at the n-th place where `from` stands.
std::string patched(std::string file, const std::string& from, const std::string& to, int n = 1) {
  std::size_t at = file.find(from);
  while (--n > 0) at = file.find(from, at + 1);
  REQUIRE(at != std::string::npos);
  return file.replace(at, to.size(), to);
}

const std::string none_pickle = "\x80\x02N.";

}  // namespace

TEST_CASE("crc32 is zip's, also in pieces") {
  CHECK(crc32(0, "123456789", 9) == 0xcbf43926);
  CHECK(crc32(crc32(0, "1234", 4), "56789", 5) == 0xcbf43926);
  CHECK(crc32(0, nullptr, 0) == 0);
}

TEST_CASE("a file that ends at any other place than its end is refused") {
  const std::string file = small_file();
  REQUIRE_NOTHROW(read_archive_bytes(file));
  for (std::size_t size = 0; size < file.size(); ++size) {
    INFO(size);
    CHECK_THROWS_AS(read_archive_bytes(std::string_view(file).substr(0, size)), CheckpointError);
  }
  CHECK_THROWS_AS(read_archive_bytes(file + "x"), CheckpointError);
}

TEST_CASE("no changed bit of a file goes unseen, ours or Python's") {
  for (const std::string& original : {small_file(), contents_of(fixtures + "sgd-multistep.ckpt")}) {
    REQUIRE_NOTHROW(read_archive_bytes(original));
    std::string file = original;
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
      file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
      bool seen = false;
      try {
        read_archive_bytes(file);
      } catch (const CheckpointError&) {
        seen = true;
      }
      if (!seen) FAIL_CHECK("bit " << bit % 8 << " of byte " << bit / 8);
      file[bit / 8] = original[bit / 8];
    }
  }
}

TEST_CASE("10,000 changed bits anywhere in a file with larger tensors are all seen") {
  const std::string original = archive_bytes(
      Dict{{"w", floats(std::vector<float>(8192, 0.5f))}, {"b", floats({1, 2, 3})}, {"n", 7}});
  std::string file = original;
  std::uint64_t random = 1;
  for (int i = 0; i < 10'000; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const std::size_t bit = (random >> 20) % (file.size() * 8);
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    INFO("bit " << bit % 8 << " of byte " << bit / 8);
    CHECK_THROWS_AS(read_archive_bytes(file), CheckpointError);
    file[bit / 8] = original[bit / 8];
  }
}

TEST_CASE("without verification damage never does worse than wrong numbers or an error") {
  const std::string original = small_file();
  for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
    std::string file = original;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    try {
      const Value read = read_archive_bytes(file, {.verify = false});
      CHECK(read.repr().size() > 0);
    } catch (const CheckpointError& e) {
      CHECK(std::string(e.what()).size() > 0);
    }
  }
}

TEST_CASE("a damaged record is named") {
  const std::string file = small_file();
  const ZipReader zip(file);
  std::string damaged = file;
  damaged[static_cast<std::size_t>(zip.find("data/0")->data.data() - file.data())] ^= 1;
  CHECK_THROWS_WITH(
      read_archive_bytes(damaged, {}, "run/last.ckpt"),
      Contains("'run/last.ckpt'") && Contains("record archive/data/0 does not match its checksum"));
}

TEST_CASE("records start at multiples of 64, in Python's order") {
  const std::string file = small_file();
  const ZipReader zip(file);
  CHECK(zip.root() == "archive");
  CHECK(zip.records().size() == 8);
  CHECK(zip.find("version")->data == "3\n");
  CHECK(zip.find(".data/serialization_id")->data.size() == 40);
  CHECK(zip.find("nothing") == nullptr);
  const char* last = nullptr;
  for (const char* name : {"data.pkl", ".format_version", ".storage_alignment", "byteorder",
                           "data/0", "data/1", "version", ".data/serialization_id"}) {
    REQUIRE(zip.find(name));
    const char* data = zip.find(name)->data.data();
    CHECK((data - file.data()) % 64 == 0);
    CHECK(data > last);
    last = data;
  }
}

TEST_CASE("records beyond 4 GiB have the zip64 fields that torch.save writes") {
  // Measured: the second storage of a file has 4.4e9 bytes, and the third begins behind it.
  const zip::Entry large{"archive/data/1", 924, 4'400'000'000, 0xe7e72af3};
  const zip::Entry far{"archive/data/2", 4'400'001'048, 20, 0x68c9c48c};
  const std::string size("\x00\xac\x42\x06\x01\0\0\0", 8), offset("\x18\xb0\x42\x06\x01\0\0\0", 8);
  const std::string large_field("\1\0\x10\0", 4), far_field("\1\0\x08\0", 4);
  const auto text = [](auto append, const zip::Entry& entry) {
    std::string out;
    append(out, entry);
    return out;
  };
  CHECK_THAT(text(zip::append_local_header, large),
             Contains(large_field + size + std::string(8, '\0') + "FB"));
  CHECK_THAT(text(zip::append_local_header, far), Contains(far_field + offset + "FB"));
  CHECK((924 + text(zip::append_local_header, large).size()) % 64 == 0);
  CHECK((4'400'001'048 + text(zip::append_local_header, far).size()) % 64 == 0);
  CHECK_THAT(text(zip::append_central_header, large), Catch::Matchers::EndsWith(large_field + size + size));
  CHECK_THAT(text(zip::append_central_header, far), Catch::Matchers::EndsWith(far_field + offset));
  CHECK(text(zip::append_descriptor, large).size() == 24);
  CHECK(text(zip::append_descriptor, far).size() == 24);
}

TEST_CASE("a file of a plain zip writer, without alignment and dot-files, is read") {
  const std::string plain = zip_of({{"data.pkl", none_pickle}});
  CHECK(read_archive_bytes(plain).is_none());
  CHECK(read_archive_bytes(zip_of({{"data.pkl", none_pickle}, {"other/file", "x"}})).is_none());
}

TEST_CASE("containers that are not checkpoints are refused with the reason") {
  const std::string good = zip_of({{"data.pkl", none_pickle}, {"version", "3\n"}});
  std::string tar(600, 'x');
  tar.replace(257, 5, "ustar");
  const std::pair<std::string, const char*> cases[] = {
      {"", "the file is empty"},
      {"hello", "not a zip file"},
      {std::string(1000, '\0'), "not a zip file"},
      {"\x80\x02\x8a\nl\xfc\x9c" + std::string(100, 'x'), "before PyTorch 1.6"},
      {tar, "tar file"},
      {good.substr(0, good.size() - 30), "directory at the end is missing"},
      {"junk" + good, "not where it should be"},
      {zip_of({{"version", "3\n"}}), "no record data.pkl"},
      {zip_of({{"data.pkl", none_pickle}, {"version", "11\n"}}), "format version"},
      {zip_of({{"data.pkl", none_pickle}, {"version", "x"}}), "format version"},
      {zip_of({{"data.pkl", none_pickle}, {"byteorder", "big"}}), "big-endian"},
      {zip_of({{"data.pkl", none_pickle}, {"constants.pkl", none_pickle}}), "TorchScript"},
      {zip_of({{"data.pkl", none_pickle}, {"data.pkl", none_pickle}}), "two records data.pkl"},
      {patched(patched(good, "archive/version", "brchive/version"), "archive/version",
               "brchive/version"),
       "several root"},
      {patched(good, "archive/version", "archive/Version"), "another name in its header"},
      {patched(good, std::string("PK\1\2\0\0\0\0\10\10\0\0", 12),
               std::string("PK\1\2\0\0\0\0\10\10\10\0", 12)),
       "compressed"},
      {patched(good, std::string("PK\1\2\0\0\0\0\10\10", 10),
               std::string("PK\1\2\0\0\0\0\11\10", 10)),
       "encrypted"},
      {patched(good, std::string("PK\3\4\0\0\10\10\0\0", 10),
               std::string("PK\3\4\0\0\10\10\10\0", 10)),
       "another method"},
  };
  for (const auto& [file, reason] : cases) {
    INFO(reason);
    CHECK_THROWS_WITH(read_archive_bytes(file), Contains(reason));
  }
}

TEST_CASE("two entries of the directory that share a record's bytes are refused") {
  const std::string file =
      zip_of({{"data.pkl", none_pickle}, {"data/00", "abcd"}, {"data/01", "abcd"}});
  // The third entry is pointed at the second record, and given its name's place in the header.
  const std::size_t second = file.find("PK\1\2", file.find("PK\1\2") + 1),
                    third = file.find("PK\1\2", second + 1);
  std::string forged = file;
  forged.replace(third + 42, 4, file.substr(second + 42, 4));
  CHECK_THROWS_AS(read_archive_bytes(forged), CheckpointError);
  forged.replace(third + 46, 15, file.substr(second + 46, 15));
  CHECK_THROWS_WITH(read_archive_bytes(forged), Contains("overlap"));
}
