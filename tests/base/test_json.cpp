#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "support/catch.h"

using namespace levin;

namespace {

Value parse(std::string_view text) { return parse_json(text, "t.json"); }
std::string one_line(const Value& value) { return dump_json(value, -1); }

}  // namespace

TEST_CASE("scalars get Python's types") {
  CHECK(parse("null").is_none());
  CHECK(parse("true") == Value(true));
  CHECK(parse(" false\n") == Value(false));
  CHECK(parse("-7") == Value(-7));
  CHECK(parse("-0").is_int());
  CHECK(parse("9223372036854775807").as_int() == std::numeric_limits<std::int64_t>::max());
  CHECK(parse("-9223372036854775808").as_int() == std::numeric_limits<std::int64_t>::min());
  CHECK(parse("1.0") == Value(1.0));
  CHECK(parse("1e3") == Value(1000.0));
  CHECK(parse("2.5E-3") == Value(0.0025));
  CHECK(parse("5e-324").as_double() == std::numeric_limits<double>::denorm_min());
  CHECK(parse("\"\"") == Value(""));
}

TEST_CASE("string escapes and UTF-8 are read") {
  CHECK(parse(R"("\"\\\/\b\f\n\r\t")").as_string() == "\"\\/\b\f\n\r\t");
  CHECK(parse(R"("\u0041\u00e9\u20AC\ud83d\ude00")").as_string() == "Aé€😀");
  CHECK(parse("\"é€😀\"").as_string() == "é€😀");
  CHECK(parse(R"("\u0000")").as_string() == std::string(1, '\0'));
  CHECK(parse(R"("// no comment /* here */")").as_string() == "// no comment /* here */");
}

TEST_CASE("comments stand wherever space may") {
  const Value value = parse("// head\n{ /* a */ \"a\" /* b */ : // c\n 1 /**/ , \"b\": [ /* none */ ] } // tail");
  CHECK(one_line(value) == R"({"a": 1, "b": []})");
}

TEST_CASE("an object keeps its order, with many keys too") {
  std::string text = "{";
  for (int i = 40; i > 0; --i) text += "\"k" + std::to_string(i) + "\": " + std::to_string(i) + (i > 1 ? ", " : "}");
  CHECK(one_line(parse(text)) == text);
}

TEST_CASE("64 levels are read") {
  const std::string text = std::string(64, '[') + std::string(64, ']');
  CHECK(one_line(parse(text)) == text);
}

TEST_CASE("what was parsed is written as it was") {
  for (const std::string text :
       {"null", "true", "0", "-12", "0.1", "1.0", "1e-07", "1e+16", "1234567890123456.0", "\"a\\\"b\\\\c\\n\\u0001é😀\"", "[]", "{}",
        "[1, 2.5, \"x\", null, [true, {}]]", "{\"b\": {\"z\": 1, \"a\": [1, 2]}, \"a\": \"\", \"\": 0.001}",
        "1.7976931348623157e+308", "5e-324", "-0.0", "9007199254740993"}) {
    INFO(text);
    CHECK(one_line(parse(text)) == text);
    CHECK(parse(dump_json(parse(text))) == parse(text));
  }
}

TEST_CASE("the layout is that of Python's json.dumps") {
  const Value value = parse(R"({"a": [1, {"b": null}], "c": {}, "d": []})");
  CHECK(dump_json(value) == "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}");
  CHECK(dump_json(Value::list({1, 2}), 0) == "[\n1,\n2\n]");
  CHECK(dump_json(Value::list({1}), 4) == "[\n    1\n]");
}

TEST_CASE("what JSON lacks is written as documented") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(one_line(Value::list({std::nan(""), infinity, -infinity})) == R"(["nan", "inf", "-inf"])");
  CHECK(one_line(Value::tuple({1, "x"})) == R"([1, "x"])");
  CHECK(one_line(Value::scalar_tensor(0.5)) == "0.5");
  CHECK(one_line(Value::scalar_tensor(0.1f)) == "0.10000000149011612");
  CHECK(one_line(Value::scalar_tensor(std::nan(""))) == "\"nan\"");
  CHECK(one_line(Value::scalar_tensor(3, DType::int64)) == "3");
  CHECK(one_line(Dict{{2, 1}, {true, 2}, {0.5, 3}, {nullptr, 4}}) == R"({"2": 1, "true": 2, "0.5": 3, "null": 4})");
}

TEST_CASE("a large int in a tensor keeps all its digits") {
  static const std::int64_t numbers[] = {1, 9007199254740993};
  Storage storage;
  storage.dtype = DType::int64;
  storage.nbytes = sizeof numbers;
  storage.data = numbers;
  const auto shared = std::make_shared<const Storage>(std::move(storage));
  CHECK(one_line(TensorRef{DType::int64, {1}, {1}, 1, shared}) ==
        "9007199254740993");
}

TEST_CASE("what can't be written is refused with Python's words and the place") {
  Value tensor = Value::scalar_tensor(1);
  TensorRef pair = tensor.as_tensor();
  pair.sizes = {2};
  pair.strides = {0};
  Value tree = Dict{{"model", Dict{{"layers", Value::list({1, Value::set({1})})}}}};
  CHECK_THROWS_WITH(dump_json(tree), "Object of type set is not JSON serializable (at model.layers[1])");
  CHECK_THROWS_AS(dump_json(tree), TypeError);
  CHECK_THROWS_WITH(dump_json(Value::bytes("x")), "Object of type bytes is not JSON serializable");
  CHECK_THROWS_AS(dump_json(Value(pair)), TypeError);
  CHECK_THROWS_WITH(dump_json(Dict{{"w", pair}}), Catch::Contains("Object of type Tensor is not JSON serializable (at w)") &&
                                                      Catch::Contains("tensor(float32, [2])"));
  CHECK_THROWS_WITH(dump_json(Dict{{Value::tuple({1}), 2}}),
                    Catch::StartsWith("keys must be str, int, float, bool or None, not tuple"));
  CHECK_THROWS_AS(dump_json("\xff"), ValueError);
}

TEST_CASE("a container inside itself is refused") {
  Value list = Value::list();
  list.push_back(Dict{{"again", list}});
  CHECK_THROWS_WITH(dump_json(list), "Circular reference detected (at [0].again)");
  list.items().clear();  // breaks the cycle
  const Value shared = Value::list({1});
  CHECK(one_line(Value::list({shared, shared})) == "[[1], [1]]");
}

TEST_CASE("a file is read, and its absence named") {
  const auto folder = std::filesystem::temp_directory_path() / "levin_test_json";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "config.json";
  std::ofstream(path) << "// lr\n{\"lr\": 0.1,}";
  CHECK_THROWS_WITH(read_json_file(path), path + ":2:11: a comma before '}'");
  std::ofstream(path) << "{\"lr\": 0.1}";
  CHECK(read_json_file(path).at("lr") == Value(0.1));
  CHECK_THROWS_AS(read_json_file(folder / "x.json"), FileNotFoundError);
  CHECK_THROWS_WITH(read_json_file(folder / "x.json"), (folder / "x.json").string() + ": No such file or directory");
  CHECK_THROWS_WITH(read_json_file(folder), folder.string() + ": Is a directory");
  std::filesystem::remove_all(folder);
}
