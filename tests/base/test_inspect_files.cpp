// Comparing, verifying and converting files.
#include <limits>

#include "inspect_support.h"
#include "levin/framework/base/codec/safetensors.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/convert.h"
#include "levin/framework/base/inspect/inspect.h"
#include "levin/framework/base/inspect/tree_path.h"
#include "levin/framework/base/tensor_elements.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;
using namespace std::string_literals;
using Catch::Matchers::Contains;

namespace {

std::string verified(const std::string& path, int code) {
  Printed printed;
  const int got = inspect({.path = path, .verify = true}, std::ref(printed));
  CHECK(got == code);
  return printed.text;
}
std::string compared(const std::string& a, const std::string& b, int code) {
  Printed printed;
  const int got = inspect({.path = a, .diff = b}, std::ref(printed));
  CHECK(got == code);
  return printed.text;
}

std::string raw(const Value& value) {
  const TensorRef& t = value.as_tensor();
  return std::string(first_byte(t), static_cast<std::size_t>(t.numel()) * itemsize(t.dtype));
}

}  // namespace

TEST_CASE("a good file is good record by record") {
  for (const char* name : fixture_names) {
    INFO(name);
    const std::string text = verified(fixtures + name + ".ckpt", 0);
    CHECK_THAT(text, Contains("good  data.pkl  ") && Contains("good  data/0  ") && Contains("good  contents\n") && !Contains("bad"));
    CHECK_THAT(text, Contains("the file is good\n"));
  }
}

TEST_CASE("a damaged record is named, and the others are still checked") {
  const Folder folder;
  const std::string good = contents_of(fixtures + "adam.ckpt");
  const std::string needle = raw(read_archive(fixtures + "adam.ckpt").at("state_dict").at("net.0.bias"));
  std::string bytes = good;
  bytes[good.find(needle)] ^= 1;
  const std::string text = verified(folder.write("bad.ckpt", bytes), 1);
  CHECK_THAT(text, Contains("bad   data/1  32 B: ") && Contains("good  data/2  ") && Contains("24 records: 23 good, 1 bad; the file is damaged"));
  // The tree can still be looked at; a conversion is refused.
  Printed printed;
  CHECK(inspect({.path = folder / "bad.ckpt"}, std::ref(printed)) == 0);
  CHECK_THROWS_AS(convert_weights({.input = folder / "bad.ckpt", .output = folder / "x.safetensors"}), CheckpointError);
  CHECK_FALSE(std::filesystem::exists(folder / "x.safetensors"));
}

TEST_CASE("damage between the records and a truncated file are bad") {
  const Folder folder;
  const std::string good = contents_of(fixtures + "adam.ckpt");
  std::string layout = good;
  layout[good.find(std::string("FB")) + 6] ^= 1;  // padding in front of a record
  const std::string text = verified(folder.write("layout.ckpt", layout), 1);
  CHECK_THAT(text, Contains("bad   layout: ") && Contains("good  data/0  "));
  CHECK_THAT(verified(folder.write("short.ckpt", good.substr(0, good.size() / 2)), 1), Contains("its records can't be found"));
  CHECK_THAT(verified(folder.write("x.safetensors", "abc"s), 1), Contains("bad   can't read the safetensors file"));
  CHECK_THAT(verified(std::string(LEVIN_SOURCE_DIR) + "/tests/data/safetensors/tied.safetensors", 0), Contains("no checksums"));
  CHECK_THROWS_AS(verified(folder / "none.ckpt", 1), FileNotFoundError);
}

TEST_CASE("equal files differ in nothing") {
  for (const char* name : fixture_names) {
    const std::string path = fixtures + name + ".ckpt";
    CHECK_THAT(compared(path, path, 0), Contains("\nequal: "));
  }
}

TEST_CASE("differences are listed with their kind") {
  const Folder folder;
  Value a = Value::dict(), b = Value::dict();
  const auto both = [&](const char* key, Value left, Value right) { a[key] = std::move(left), b[key] = std::move(right); };
  both("epoch", 3, 4), both("same", "x", "x"), both("type", 1, 1.0), both("bool", 1, true);
  both("close", floats({1, 2, 3}), floats({1, 2.5, 3}));
  both("nan", floats({NAN, 1}), floats({NAN, NAN})), both("zero", floats({0.0f}), floats({-0.0f}));
  both("shape", floats({1, 2}), floats({1, 2, 3}));
  both("dtype", floats({1, 2}), whole(storage_of(std::vector<double>{1, 2}, DType::float64), {2}));
  both("list", Value::list({1, 2}), Value::list({1, 2, 3})), both("tuple", Value::list({1}), Value::tuple({1}));
  both("ordered", Value::dict(), Value::ordered_dict());
  a["only"] = 1;
  b["new"] = floats({1});
  const std::string left = folder.write("a.ckpt", a), right = folder.write("b.ckpt", b);
  CHECK(compared(left, right, 1) == "--- " + left + "\n+++ " + right + R"(
~ epoch: 3 -> 4
~ type: 1 -> 1.0
~ bool: 1 -> True
~ close: float32 [3], 1 of 3 elements, max abs difference 0.5
~ nan: float32 [2], 1 of 2 elements, max abs difference 0, 1 nan on one side only
~ zero: float32 [1], 1 of 1 element, max abs difference 0
~ shape: float32 [2] -> float32 [3]
~ dtype: float32 [2] -> float64 [2], equal in value
+ list[2]: 3
~ tuple: [1] -> (1,)
~ ordered: dict -> OrderedDict
- only: 1
+ new: tensor float32 [1]
13 differences: 5 values, 5 tensors, 1 key only in the first file, 2 keys only in the second file
)");
  CHECK_THROWS_AS(compared(left, folder / "none.ckpt", 2), FileNotFoundError);
}

TEST_CASE("strides do not count as a difference, and integers are compared exactly") {
  const Folder folder;
  const std::int64_t large = std::int64_t{1} << 60;
  const auto at = [&](std::int64_t n) { return whole(storage_of(std::vector<std::int64_t>{n}, DType::int64), {1}); };
  TensorRef turned = floats({0, 2, 1, 3}), plain = floats({0, 1, 2, 3});
  turned.sizes = plain.sizes = {2, 2}, turned.strides = {1, 2}, plain.strides = {2, 1};
  Value a = Value::dict(), b = Value::dict();
  a["t"] = plain, b["t"] = turned, a["n"] = at(large), b["n"] = at(large + 3);
  CHECK_THAT(compared(folder.write("a.ckpt", a), folder.write("b.ckpt", b), 1),
             Contains("~ n: int64 [1], 1 of 1 element, max abs difference 3\n") && Contains("1 difference: 1 tensor"));
}

TEST_CASE("weights go to safetensors and back byte for byte") {
  const Folder folder;
  for (const char* name : fixture_names) {
    INFO(name);
    const std::string path = fixtures + name + ".ckpt", there = folder / (name + ".safetensors"s), back = folder / (name + ".ckpt"s);
    CHECK_THAT(convert_weights({.input = path, .output = there}), Contains("wrote " + there + ": "));
    CHECK_THAT(compared(path, there, 0), Contains("equal: 0 values and "));
    convert_weights({.input = there, .output = back});
    const Value before = read_archive(path).at("state_dict"), after = read_archive(back);
    REQUIRE(after.at("state_dict").size() == before.size());
    CHECK(after.at("state_dict").type_name() == "OrderedDict");
    for (const auto& [key, value] : before.as_dict()) {
      const Value& other = after.at("state_dict").at(key.as_string());
      CHECK(other == value);
      CHECK(raw(other) == raw(value));
    }
    CHECK(after.at("pytorch-lightning_version").as_string() == "2.6.6");
    CHECK(after.at("epoch").as_int() == 0);
    CHECK(after.at("global_step").as_int() == 0);
    CHECK(after.size() == 4);
  }
}

TEST_CASE("ties survive the way there and back") {
  const Folder folder;
  Value root = Value::dict();
  const TensorRef weight = floats({1, 2});
  root["state_dict"] = Value::ordered_dict();
  root["state_dict"]["embedding"] = weight, root["state_dict"]["head"] = weight;
  const std::string there = folder / "x.safetensors", back = folder / "y.ckpt";
  CHECK_THAT(convert_weights({.input = folder.write("x.ckpt", root), .output = there}), Contains("1 tensor, 8 B; 1 name tied to others"));
  convert_weights({.input = there, .output = back});
  const Value state = read_archive(back).at("state_dict");
  CHECK(state == root.at("state_dict"));
  CHECK(state.at("head").as_tensor().storage == state.at("embedding").as_tensor().storage);
}

TEST_CASE("another part, and a file that is a state_dict itself, can be converted") {
  const Folder folder;
  const std::string path = fixtures + "adam.ckpt", out = folder / "x.safetensors";
  convert_weights({.input = path, .output = out, .key = "optimizer_states[0].state.0"});
  const Value root = read_archive(path);
  const Value* state = find_path(root, "optimizer_states[0].state.0");
  REQUIRE(state != nullptr);
  Value expected = Value::ordered_dict();
  for (const auto& [name, value] : state->as_dict()) expected.as_dict().set(name, value);
  CHECK(read_safetensors(out).tensors == expected);
  Value bare = Value::ordered_dict();
  bare["w"] = floats({1});
  convert_weights({.input = folder.write("bare.pt", bare), .output = out, .force = true});
  CHECK(read_safetensors(out).tensors == bare);
}

TEST_CASE("a conversion that can't be is refused and leaves nothing") {
  const Folder folder;
  const std::string path = fixtures + "adam.ckpt", st = std::string(LEVIN_SOURCE_DIR) + "/tests/data/safetensors/shapes.safetensors";
  const std::string there = folder.write("there.safetensors", "old"s);
  struct Row { ConvertOptions options; const char* message; };
  const Row rows[] = {
      {{.input = path, .output = there}, "there.safetensors' exists; --force replaces it"},
      {{.input = path, .output = folder / "x.ckpt"}, "must end in .safetensors, not '"},
      {{.input = st, .output = folder / "x.safetensors"}, "must end in .ckpt, .pt or .pth"},
      {{.input = st, .output = folder / "x.ckpt", .key = "a"}, "a key chooses a part of a checkpoint"},
      {{.input = path, .output = folder / "x.safetensors", .key = "nothing"}, "has no nothing; levin inspect shows what is in it"},
      {{.input = path, .output = folder / "x.safetensors", .key = "loops"}, "'fit_loop' is of type dict, and safetensors holds tensors only"},
      {{.input = path, .output = folder / "x.safetensors", .key = "epoch"}, "is of type int, not a dict of tensors"},
      {{.input = path, .output = folder / "no/x.safetensors"}, "No such file or directory"},
      {{.input = folder / "none", .output = folder / "x.safetensors"}, "No such file or directory"},
  };
  for (const Row& row : rows) {
    INFO(row.message);
    CHECK_THROWS_WITH(convert_weights(row.options), Contains(row.message));
  }
  CHECK(contents_of(there) == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(folder / ""), {}) == 1);
  CHECK_THAT(convert_weights({.input = st, .output = folder / "x.ckpt"}), Contains("the metadata has no place in a checkpoint and was dropped"));
}
