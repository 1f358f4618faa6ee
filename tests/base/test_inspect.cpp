#include "inspect_support.h"
#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/inspect.h"
#include "levin/framework/base/json.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;
using namespace std::string_literals;
using Catch::Matchers::Contains;

namespace {

std::string shown(const std::string& path, InspectOptions options = {}, int code = 0) {
  Printed printed;
  options.path = path;
  const int got = inspect(options, std::ref(printed));
  CHECK(got == code);
  return printed.text;
}

Value json_of(const std::string& path) { return parse_json(shown(path, {.json = true}), path); }

}  // namespace

TEST_CASE("the summary says size, format, writer, place in the run and parameters") {
  const std::string text = shown(fixtures + "adam.ckpt");
  const std::string expected = fixtures + R"(adam.ckpt: 9.0 KiB, checkpoint of torch.save, 24 records
written by   Lightning 2.6.6
epoch        3
global_step  12
parameters   97 in 4 tensors, 388 B

epoch                      3
global_step                12
pytorch-lightning_version  '2.6.6'
state_dict                 OrderedDict, 4 tensors, 388 B
  net.0.weight  float32  [8, 10]  320 B
  net.0.bias    float32  [8]       32 B
  net.2.weight  float32  [1, 8]    32 B
  net.2.bias    float32  [1]        4 B
)";
  CHECK(text.substr(0, expected.size()) == expected);
  CHECK_THAT(text, Contains("\n      total    {'ready': 0, 'completed': 0}\n"));
}

TEST_CASE("every fixture is shown, and nothing of it is lost in JSON") {
  for (const char* name : fixture_names) {
    INFO(name);
    const std::string path = fixtures + name + ".ckpt";
    CHECK_THAT(shown(path), Contains("state_dict  ") && Contains("optimizer_states"));
    const Value root = read_archive(path), tree = json_of(path).at("tree");
    REQUIRE(tree.size() == root.size());
    for (const auto& [key, value] : root.at("state_dict").as_dict()) {
      const Value& tensor = tree.at("state_dict").at(key.as_string());
      CHECK(tensor.at("dtype").as_string() == dtype_name(value.as_tensor().dtype));
      CHECK(tensor.at("shape").size() == value.as_tensor().sizes.size());
    }
    CHECK(tree.at("loops") == root.at("loops"));
    if (const Value* hyper_parameters = root.find("hyper_parameters"))
      CHECK(tree.at("hyper_parameters").size() == hyper_parameters->size());
  }
}

TEST_CASE("ties, views, parameters and shared containers are marked") {
  const Folder folder;
  TensorRef weight = floats({1, 2, 3, 4, 5, 6});
  weight.sizes = {2, 3}, weight.strides = {3, 1};
  TensorRef turned = weight, parameter = floats({1});
  turned.sizes = {3, 2}, turned.strides = {1, 3};
  parameter.parameter = true;
  Value root = Value::dict(), inner = Value::dict();
  inner["weight"] = weight, inner["tied"] = weight, inner["turned"] = turned, inner["own"] = parameter;
  root["a"] = inner, root["b"] = inner, root["outside"] = weight;
  CHECK_THAT(shown(folder.write("x.ckpt", root)), Contains(R"(
a        dict, 4 tensors, 76 B
  weight  float32  [2, 3]  24 B
  tied    float32  [2, 3]  24 B  = weight
  turned  float32  [3, 2]  24 B  strides [1, 3]  shares storage with weight
  own     float32  [1]      4 B  Parameter
b        same object as a
outside  float32  [2, 3]  24 B  = a.weight
)"));
}

TEST_CASE("long containers are elided with a count, and --all shows them") {
  const Folder folder;
  Value root = Value::dict(), names = Value::dict(), states = Value::dict();
  for (int i = 0; i < 100; ++i) names["name" + std::to_string(i)] = std::string(30, 'x');
  for (int i = 0; i < 9; ++i) states.as_dict().set(i, Value::list({floats({1})}));
  root["names"] = names, root["states"] = states, root["text"] = std::string(300, 'y');
  root["numbers"] = Value::list(List(500, Value(7)));
  const std::string path = folder.write("x.ckpt", root);
  const std::string some = shown(path), all = shown(path, {.all = true});
  CHECK_THAT(some, Contains("  ... 40 more entries (--all shows them)\n") && Contains("  ... 4 more entries (--all"));
  CHECK_THAT(some, Contains("numbers  list, 500 items: [7, 7, 7,"));
  CHECK_THAT(some, !Contains("name60") && !Contains(std::string(101, 'y')));
  CHECK_THAT(all, Contains("name99") && Contains(std::string(300, 'y')) && Contains("\n  [499]  7\n") && !Contains("..."));
}

TEST_CASE("text that could steer a terminal is escaped") {
  const Folder folder;
  Value root = Value::dict();
  root["\x1b[31mred\n"] = "\x1b]0;title\a\xc2\x9b\xe2\x80\xae";
  const std::string text = shown(folder.write("x.ckpt", root));
  CHECK_THAT(text, Contains("\\x1b[31mred\\x0a") && Contains("\\x9b\\u202e"));
  for (const char c : text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  CHECK(harmless("\xff" "a\xe2\x82\xac") == "\\xffa\xe2\x82\xac");
}

TEST_CASE("a tensor is shown with its statistics and values, by its whole path or within the state_dict") {
  const Folder folder;
  Value root = Value::dict();
  root["state_dict"]["net.0.bias"] = floats({1, -2, NAN, INFINITY, 0});
  root["optimizer_states"] = Value::list({Value(Dict{{"state", Value(Dict{{0, Value(Dict{{"exp_avg", floats({3})}})}})}})});
  const std::string path = folder.write("x.ckpt", root);
  const std::string expected =
      "state_dict.net.0.bias: float32 [5], 5 elements, 20 B\n"
      "min -2.0, max 1.0, mean -0.333333, std 1.52753\n"
      "1 nan, 1 inf, 1 zero\n"
      "tensor([ 1., -2., nan, inf,  0.])\n";
  CHECK(shown(path, {.tensors = {"state_dict.net.0.bias"}}) == expected);
  CHECK(shown(path, {.tensors = {"net.0.bias"}}) == expected);
  for (const char* name : {"optimizer_states[0].state.0.exp_avg", "optimizer_states.0.state.0.exp_avg"})
    CHECK_THAT(shown(path, {.tensors = {name}}), Contains("optimizer_states") && Contains("tensor([3.])"));
  const std::pair<const char*, const char*> wrong[] = {
      {"net.0.bais", "there is no 'net.0.bais'; did you mean 'state_dict.net.0.bias'?"},
      {"exp_avg", "did you mean 'optimizer_states[0].state.0.exp_avg'?"},
      {"nothing at all", "tensors are: state_dict.net.0.bias optimizer_states[0].state.0.exp_avg"},
      {"state_dict.net", "there is no 'state_dict.net'"},
      {"", "'' is no tensor but of type dict"},
      {"optimizer_states", "'optimizer_states' is no tensor but of type list"},
  };
  for (const auto& [name, message] : wrong) {
    INFO(name);
    CHECK_THROWS_WITH(shown(path, {.tensors = {name}}), Contains(message));
  }
}

TEST_CASE("what JSON lacks has a type in JSON") {
  const Folder folder;
  const TensorRef t = floats({1, 2});
  Value root = Value::dict();
  root["a"] = t, root["b"] = t, root["one"] = Value::scalar_tensor(2.5), root["nan"] = NAN;
  root["set"] = Value::set({1}), root["bytes"] = Value::bytes("abc"), root["z"] = std::complex<double>(1, -2);
  root["big"] = Value::big_integer("\0\0\0\0\0\0\0\0\1"s);
  Value keys = Value::dict();
  keys.as_dict().set(1, "int"), keys.as_dict().set("1", "str");
  root["keys"] = keys;
  root["tuple"] = Value::tuple({1, Value()});
  const Value tree = json_of(folder.write("x.ckpt", root)).at("tree");
  CHECK(dump_json(tree.at("a"), -1) == R"({"type": "tensor", "dtype": "float32", "shape": [2], "bytes": 8, "storage": 0})");
  CHECK(tree.at("b") == tree.at("a"));
  CHECK(tree.at("one").at("value").as_double() == 2.5);
  CHECK(tree.at("one").at("storage").as_int() == 1);
  CHECK(dump_json(tree.at("set"), -1) == R"({"type": "set", "items": [1]})");
  CHECK(dump_json(tree.at("bytes"), -1) == R"({"type": "bytes", "size": 3})");
  CHECK(dump_json(tree.at("z"), -1) == R"({"type": "complex", "real": 1.0, "imaginary": -2.0})");
  CHECK(tree.at("big").at("hex").as_string() == "0x010000000000000000");
  CHECK(dump_json(tree.at("keys"), -1) == R"({"type": "dict", "items": [[1, "int"], ["1", "str"]]})");
  CHECK(dump_json(tree.at("tuple"), -1) == "[1, null]");
  CHECK(tree.at("nan").as_string() == "nan");
}

TEST_CASE("a container that is shared many times is shown once, and spelt out in JSON") {
  Value nested = Value::list(List(40, Value(std::string(20, 'x'))));
  for (int i = 0; i < 8; ++i) nested = Value::list({nested, nested});
  const Folder folder;
  Value root = Value::dict();
  root["x"] = nested;
  const std::string path = folder.write("x.ckpt", root);
  for (const bool all : {false, true}) {
    const std::string text = shown(path, {.all = all});
    CHECK_THAT(text, Contains("same object as x[0]"));
    CHECK(text.size() < 100'000);
  }
  const Value tree = json_of(path).at("tree").at("x");
  CHECK(tree.items()[0] == tree.items()[1]);
  CHECK_THAT(shown(path, {.diff = folder.write("y.ckpt", root)}), Contains("equal: "));
}

TEST_CASE("a safetensors file is shown as its tensors and metadata") {
  const std::string path = std::string(LEVIN_SOURCE_DIR) + "/tests/data/safetensors/tied.safetensors";
  CHECK(shown(path) == path + R"(: 244 B, safetensors
metadata     {'format': 'pt'}
parameters   9 in 2 tensors, 36 B

embedding.weight  float32  [3, 2]  24 B
head.bias         float32  [3]     12 B
head.weight       float32  [3, 2]  24 B  = embedding.weight
)");
  CHECK(json_of(path).at("metadata").at("format").as_string() == "pt");
}

TEST_CASE("files that are none are one sentence") {
  const Folder folder;
  const std::pair<std::string, const char*> cases[] = {
      {folder.write("empty.ckpt", ""s), "the file is empty"},
      {folder.write("text.ckpt", "hello"s), "not a zip file as torch.save writes it"},
      {folder.write("short.safetensors", "{}"s), "fewer than the 8"},
      {folder.write("json.safetensors", "{\"a\": 1, \"b\": 2}"s), "more than the 100 MB"},
      {folder / "none.ckpt", "No such file or directory"},
      {folder / "", "not a regular file"},
  };
  for (const auto& [path, message] : cases) {
    INFO(path);
    CHECK_THROWS_WITH(shown(path), Contains(message));
  }
}
