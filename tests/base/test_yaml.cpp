#include <limits>
#include <string>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/yaml.h"
#include "support/catch.h"

using namespace levin;

TEST_CASE("hyperparameters are written as PyYAML writes them") {
  const Value hparams = Dict{
      {"lr", 1e-5}, {"hidden", Value::list({64, 32})}, {"name", "net v1"}, {"dropout", nullptr}, {"bias", true}, {"eps", 0.001},
      {"optimizer", Dict{{"type", "Adam"}, {"betas", Value::tuple({0.9, 0.999})}}}, {"empty", Value::list()}, {"none", Value::dict()},
      {"blocks", Value::list({Dict{{"out", 3}, {"in", 1}}, Value::list({1, Value::list({2, 3})})})}};
  CHECK(dump_yaml(hparams) ==
        "bias: true\n"
        "blocks:\n"
        "- in: 1\n"
        "  out: 3\n"
        "- - 1\n"
        "  - - 2\n"
        "    - 3\n"
        "dropout: null\n"
        "empty: []\n"
        "eps: 0.001\n"
        "hidden:\n"
        "- 64\n"
        "- 32\n"
        "lr: 1.0e-05\n"
        "name: net v1\n"
        "none: {}\n"
        "optimizer:\n"
        "  betas: !!python/tuple\n"
        "  - 0.9\n"
        "  - 0.999\n"
        "  type: Adam\n");
}

TEST_CASE("scalars keep their type when they are read back") {
  const double infinity = std::numeric_limits<double>::infinity();
  const struct { Value value; std::string written; } table[] = {
      {nullptr, "null"}, {false, "false"}, {-3, "-3"}, {1.0, "1.0"}, {1e16, "1.0e+16"}, {1.5e-7, "1.5e-07"}, {-0.0, "-0.0"},
      {infinity, ".inf"}, {-infinity, "-.inf"}, {std::numeric_limits<double>::quiet_NaN(), ".nan"},
      {Value::scalar_tensor(0.5), "0.5"}, {Value::scalar_tensor(7, DType::int64), "7"},
      {"", "''"}, {"yes", "'yes'"}, {"Off", "'Off'"}, {"y", "y"}, {"true", "'true'"}, {"tRue", "tRue"}, {"null", "'null'"},
      {"~", "'~'"}, {"1", "'1'"}, {"1_000", "'1_000'"}, {"0x1f", "'0x1f'"}, {"089", "089"}, {"1:30", "'1:30'"}, {"1e5", "1e5"},
      {"1.0e+5", "'1.0e+5'"}, {"1.5e5", "1.5e5"}, {".5", "'.5'"}, {"-.5", "-.5"}, {".inf", "'.inf'"}, {"2020-01-02", "'2020-01-02'"},
      {"2020-1-2", "2020-1-2"}, {"2020-01-02 03:04:05", "'2020-01-02 03:04:05'"}, {"=", "'='"}, {"<<", "'<<'"},
      {"a: b", "'a: b'"}, {"a:b", "a:b"}, {"a:", "'a:'"}, {"a #b", "'a #b'"}, {"a#b", "a#b"}, {"#a", "'#a'"}, {"- a", "'- a'"},
      {"-a", "-a"}, {"?a", "?a"}, {"[a", "'[a'"}, {"a]", "a]"}, {"{a", "'{a'"}, {"*a", "'*a'"}, {"%a", "'%a'"}, {"it's", "it's"},
      {"'a'", "'''a'''"}, {"\"q\"", "'\"q\"'"}, {"---", "'---'"}, {" a", "' a'"}, {"a ", "'a '"}, {"a\\b", "a\\b"},
      {"a\nb", "'a\n\n  b'"}, {"a\n b", "\"a\\n b\""}, {"a\tb", "\"a\\tb\""}, {"é", "\"\\xE9\""}, {"€", "\"\\u20AC\""},
      {"😀", "\"\\U0001F600\""}, {std::string(1, '\0'), "\"\\0\""}, {"\u2028", "\"\\L\""}};
  for (const auto& [value, written] : table) {
    INFO(value.repr());
    CHECK(dump_yaml(Dict{{"k", value}}) == "k: " + written + "\n");
    CHECK(dump_yaml(Value::list({value})) == "- " + written + "\n");
  }
}

TEST_CASE("long lines are folded after column 80") {
  std::string words;
  for (int i = 0; i < 30; ++i) words += (i ? " " : "") + std::string("word");
  CHECK(dump_yaml(Dict{{"k", words}}) ==
        "k: word word word word word word word word word word word word word word word word\n"
        "  word word word word word word word word word word word word word word\n");
  CHECK(dump_yaml(Dict{{"k", "# " + words}}) ==
        "k: '# word word word word word word word word word word word word word word word word\n"
        "  word word word word word word word word word word word word word word'\n");
  CHECK(dump_yaml(Dict{{"k", "é " + words}}) ==
        "k: \"\\xE9 word word word word word word word word word word word word word word word\\\n"
        "  \\ word word word word word word word word word word word word word word word\"\n");
}

TEST_CASE("keys are sorted by their kind, and quoted as values are") {
  CHECK(dump_yaml(Dict{{"b", 1}, {"a", 2}, {"1", 3}, {"Z", 4}}) == "'1': 3\nZ: 4\na: 2\nb: 1\n");
  CHECK(dump_yaml(Dict{{10, 1}, {9.5, 2}, {true, 3}}) == "true: 3\n9.5: 2\n10: 1\n");
  CHECK(dump_yaml(Dict{{"x", 1}, {2, 2}, {nullptr, 3}}) == "x: 1\n2: 2\nnull: 3\n");
}

TEST_CASE("a key that is empty, long or of several lines gets a question mark") {
  CHECK(dump_yaml(Dict{{"", 1}}) == "? ''\n: 1\n");
  CHECK(dump_yaml(Dict{{"a\nb", Value::list({1})}}) == "? 'a\n\n  b'\n: - 1\n");
  CHECK(dump_yaml(Dict{{std::string(122, 'k'), 1}}) == std::string(122, 'k') + ": 1\n");
  CHECK(dump_yaml(Dict{{std::string(123, 'k'), 1}}) == "? " + std::string(123, 'k') + "\n: 1\n");
}

TEST_CASE("a container that occurs twice is written once") {
  const Value shared = Value::list({1});
  CHECK(dump_yaml(Dict{{"a", shared}, {"b", shared}, {"c", Value::list({1})}}) == "a: &id001\n- 1\nb: *id001\nc:\n- 1\n");
  Value cycle = Value::dict();
  cycle["self"] = cycle;
  CHECK(dump_yaml(cycle) == "&id001\nself: *id001\n");
  cycle.as_dict().erase("self");
  CHECK(dump_yaml(Value::list({Value::tuple(), Value::tuple()})) == "- !!python/tuple []\n- !!python/tuple []\n");
}

TEST_CASE("a root that is no dict is written too") {
  CHECK(dump_yaml(1) == "1\n...\n");
  CHECK(dump_yaml("1") == "'1'\n");
  CHECK(dump_yaml(Value::dict()) == "{}\n");
}

TEST_CASE("what has no plain YAML is refused by its place") {
  TensorRef pair = Value::scalar_tensor(1).as_tensor();
  pair.sizes = {2};
  pair.strides = {0};
  CHECK_THROWS_WITH(dump_yaml(Dict{{"model", Dict{{"w", Value::list({1, pair})}}}}),
                    "can't write Tensor tensor(float32, [2]) to YAML (at model.w[1]); allowed are None, bool, int, float, str, "
                    "list, tuple, dict and a tensor of one element");
  for (const Value& value : {Value(pair), Value::set({1}), Value::bytes("x"), Value(std::complex<double>(1, 2)),
                             Value(Dict{{Value::tuple({1}), 1}}), Value(Global{"builtins", "int"})})
    CHECK_THROWS_AS(dump_yaml(value), TypeError);
  CHECK_THROWS_AS(dump_yaml("\xff"), ValueError);
}
