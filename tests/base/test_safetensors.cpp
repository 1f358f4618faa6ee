#include "codec_support.h"
#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/codec/safetensors.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/tensor_elements.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;
using namespace std::string_literals;
using Catch::Matchers::Contains;

namespace {

const std::string samples = std::string(LEVIN_SOURCE_DIR) + "/tests/data/safetensors/";

std::string file_of(const std::string& header, std::size_t data) {
  std::string out;
  append_le(out, static_cast<std::uint64_t>(header.size()));
  return out + header + std::string(data, '\1');
}
std::string raw(const TensorRef& t) {
  return std::string(first_byte(t), static_cast<std::size_t>(t.numel()) * itemsize(t.dtype));
}
std::string f32(const std::string& name, const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

}  // namespace

TEST_CASE("every dtype of the reference implementation is read with its bytes") {
  const Safetensors file = read_safetensors(samples + "dtypes.safetensors");
  CHECK(file.tensors.size() == 18);
  for (const auto& [name, value] : file.tensors.as_dict()) {
    const TensorRef& t = value.as_tensor();
    INFO(name.as_string());
    CHECK(dtype_name(t.dtype) == name.as_string());
    CHECK(t.sizes == std::vector<std::int64_t>{2, 3});
    std::string expected;
    for (std::size_t i = 0; i < 6 * itemsize(t.dtype); ++i)
      expected += static_cast<char>(t.dtype == DType::bool_ ? i % 2 : i);
    CHECK(raw(t) == expected);
    CHECK(reinterpret_cast<std::uintptr_t>(first_byte(t)) % itemsize(t.dtype) == 0);
  }
}

TEST_CASE("shapes, names and metadata of the reference implementation are read") {
  const Safetensors file = read_safetensors(samples + "shapes.safetensors");
  CHECK(file.metadata == Value(Dict{{"format", "pt"}, {"note", "é\n\"x\""}}));
  CHECK(file.tensors.at("scalar").number() == 1.5);
  CHECK(file.tensors.at("empty").as_tensor().sizes == std::vector<std::int64_t>{0, 3});
  CHECK(file.tensors.at("deep").as_tensor().strides == std::vector<std::int64_t>{24, 12, 4, 1});
  CHECK(elements_of(file.tensors.at("deep").as_tensor())[23] == 23);
  CHECK(elements_of(file.tensors.at("quote\"\\ é\n").as_tensor()) == std::vector<double>{1, 0, 1});
}

TEST_CASE("names that save_model left out as tied come back tied") {
  const Safetensors file = read_safetensors(samples + "tied.safetensors");
  CHECK(file.metadata == Value(Dict{{"format", "pt"}}));
  CHECK(file.tensors.size() == 3);
  CHECK(file.tensors.at("head.weight").as_tensor().storage == file.tensors.at("embedding.weight").as_tensor().storage);
}

TEST_CASE("what is read is written back, with ties, order and metadata") {
  for (const char* name : {"dtypes", "shapes", "tied"}) {
    INFO(name);
    const Safetensors file = read_safetensors(samples + name + ".safetensors");
    const std::string bytes = safetensors_bytes(file);
    CHECK(load_le<std::uint64_t>(bytes) % 8 == 0);
    const Safetensors again = read_safetensors_bytes(bytes);
    CHECK(again.tensors == file.tensors);
    CHECK(again.metadata == file.metadata);
    CHECK(safetensors_bytes(again) == bytes);
    for (std::size_t i = 0; const auto& item : again.tensors.as_dict())
      CHECK(item.first == std::next(file.tensors.as_dict().begin(), i++)->first);
  }
}

TEST_CASE("the writer aligns each tensor and gathers strided ones") {
  Safetensors content;
  const auto storage = storage_of(std::vector<float>{0, 1, 2, 3, 4, 5}, DType::float32);
  content.tensors["flag"] = whole(storage_of(std::string("\1\0\1", 3), DType::bool_), {3});
  content.tensors["turned"] = TensorRef{
      .dtype = DType::float32, .sizes = {3, 2}, .strides = {1, 3}, .storage = storage};
  content.tensors["tail"] = TensorRef{
      .dtype = DType::float32, .sizes = {2}, .strides = {1}, .storage_offset = 4, .storage = storage};
  content.tensors["repeated"] = TensorRef{
      .dtype = DType::float32, .sizes = {3}, .strides = {0}, .storage_offset = 5, .storage = storage};
  const std::string bytes = safetensors_bytes(content);
  CHECK_THAT(bytes, Contains(R"("flag": {"dtype": "BOOL", "shape": [3], "data_offsets": [44, 47]})"));
  const Safetensors back = read_safetensors_bytes(bytes);
  CHECK(elements_of(back.tensors.at("turned").as_tensor()) == std::vector<double>{0, 3, 1, 4, 2, 5});
  CHECK(elements_of(back.tensors.at("tail").as_tensor()) == std::vector<double>{4, 5});
  CHECK(elements_of(back.tensors.at("repeated").as_tensor()) == std::vector<double>{5, 5, 5});
  CHECK(back.metadata.size() == 0);
}

TEST_CASE("a tied name that metadata uses itself is written in full") {
  Safetensors content;
  const TensorRef t = floats({1, 2});
  content.tensors["a"] = t;
  content.tensors["b"] = t;
  content.metadata["b"] = "a note";
  const Safetensors back = read_safetensors_bytes(safetensors_bytes(content));
  CHECK(back.tensors == content.tensors);
  CHECK(back.metadata == content.metadata);
}

TEST_CASE("an empty file of tensors is one") {
  CHECK(read_safetensors_bytes(safetensors_bytes({})).tensors.size() == 0);
}

TEST_CASE("what the format can't hold is refused before anything is written") {
  const auto refused = [](const Value& key, Value value, const char* reason) {
    Safetensors content;
    content.tensors.as_dict().set(key, std::move(value));
    StringSink sink;
    CHECK_THROWS_WITH(write_safetensors(content, sink), Contains(reason));
    CHECK(sink.text().empty());
  };
  const TensorRef t = floats({1});
  refused(0, t, "names that are str, got int 0");
  refused("epoch", 3, "'epoch' is of type int");
  refused("__metadata__", t, "reserves this name");
  refused("\xff", t, "not UTF-8");
  refused("z", whole(storage_of(std::string(16, '\0'), DType::complex128), {1}), "no complex128");
  TensorRef expanded = t;
  expanded.sizes = {std::int64_t{1} << 40}, expanded.strides = {0};
  refused("x", expanded, "expanded view that would take");
  Safetensors content;
  content.metadata["epoch"] = 3;
  CHECK_THROWS_WITH(safetensors_bytes(content), Contains("metadata maps str to str"));
}

TEST_CASE("hostile and damaged safetensors files are refused with the reason") {
  const std::string good = f32("a", "[1]", "[0,4]");
  const auto tensor = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  const std::string deep(100000, '[');
  const std::pair<std::string, const char*> cases[] = {
      {"", "fewer than the 8"},
      {std::string(8, '\xff') + "{", "more than the 100 MB"},
      {std::string("\x64\0\0\0\0\0\0\0{}", 10), "only 2 follow"},
      {std::string(8, '\0'), "does not begin with '{'"},
      {file_of(" {}", 0), "does not begin with '{'"},
      {file_of("{", 0), "no JSON at byte"},
      {file_of("{} {}", 0), "no JSON at byte"},
      {file_of("{/* */}", 0), "no JSON at byte"},
      {file_of("{\"\xff\":{}}", 0), "no JSON at byte"},
      {file_of("{\"a\":" + deep, 0), "an array where none belongs"},
      {file_of("{" + good + "," + good + "}", 4), "tensor 'a' is given twice"},
      {file_of("{" + good + "," + f32("b", "[1]", "[0,4]") + "}", 4), "tensor 'b' is at bytes 0 to 4"},
      {file_of("{" + good + "," + f32("b", "[1]", "[5,9]") + "}", 9), "the one before it ends at 4"},
      {file_of("{" + f32("a", "[1]", "[4,0]") + "}", 4), "tensor 'a' is at bytes 4 to 0"},
      {file_of("{" + f32("a", "[1]", "[4,8]") + "}", 8), "tensor 'a' is at bytes 4 to 8"},
      {file_of("{" + good + "}", 3), "the file is incomplete"},
      {file_of("{" + good + "}", 5), "take 4 bytes, but 5 follow"},
      {file_of("{" + f32("a", "[2]", "[0,4]") + "}", 4), "needs 8 bytes by its shape, but has 4"},
      {file_of("{" + f32("a", "[4611686018427387904]", "[0,4]") + "}", 4), "overflows"},
      {file_of("{" + f32("a", "[0,4611686018427387904,4611686018427387904]", "[0,0]") + "}", 0), "overflows"},
      {file_of("{" + f32("a", "[18446744073709551615,0]", "[0,0]") + "}", 0), "overflows"},
      {file_of("{" + f32("a", "[-1]", "[0,4]") + "}", 4), "a negative number where none belongs"},
      {file_of("{" + f32("a", "[1.0]", "[0,4]") + "}", 4), "a fraction where none belongs"},
      {file_of("{" + f32("a", "[[1]]", "[0,4]") + "}", 4), "an array where none belongs"},
      {file_of("{" + f32("a", "[1]", "[0,4,4]") + "}", 4), "too many numbers in its data_offsets"},
      {file_of("{" + f32("a", "[1]", "[0]") + "}", 4), "lacks a dtype, a shape or two data_offsets"},
      {file_of(tensor(R"("dtype":"F4","shape":[1],"data_offsets":[0,4])"), 4), "unknown dtype 'F4'"},
      {file_of(tensor(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])"), 4), "dtype twice"},
      {file_of(tensor(R"("dtype":"F32","shape":[],"shape":[],"data_offsets":[0,4])"), 4), "shape twice"},
      {file_of(tensor(R"("dtype":"F32","shape":[],"data_offsets":[],"data_offsets":[0,4])"), 4), "data_offsets twice"},
      {file_of(tensor(R"("dtype":"F32","shape":[],"data_offsets":[0,4],"x":1)"), 4), "unknown key 'x'"},
      {file_of(tensor(R"("dtype":null,"shape":[],"data_offsets":[0,4])"), 4), "null where none belongs"},
      {file_of("{\"a\":3}", 0), "a number where none belongs"},
      {file_of("{\"__metadata__\":{\"a\":1}}", 0), "a number where none belongs"},
      {file_of("{\"__metadata__\":{\"a\":{}}}", 0), "an object where none belongs"},
      {file_of("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0), "__metadata__ has 'a' twice"},
      {file_of("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "__metadata__ twice"},
  };
  for (const auto& [bytes, reason] : cases) {
    INFO(bytes.substr(0, 200));
    CHECK_THROWS_AS(read_safetensors_bytes(bytes, "x"), CheckpointError);
    CHECK_THROWS_WITH(read_safetensors_bytes(bytes, "x"), Contains(reason) && Contains("file 'x'"));
  }
  CHECK(read_safetensors_bytes(file_of("{" + good + "}", 4)).tensors.size() == 1);
}

TEST_CASE("no truncation of a safetensors file is accepted") {
  const std::string whole_file = contents_of(samples + "shapes.safetensors");
  for (std::size_t n = 0; n < whole_file.size(); ++n)
    CHECK_THROWS_AS(read_safetensors_bytes(std::string_view(whole_file).substr(0, n)), CheckpointError);
}
