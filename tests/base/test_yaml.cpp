#include <limits>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/yaml.h"
#include "support/catch.h"

using namespace levin;

TEST_CASE("YAML is written as PyYAML writes it") {
  const Value samples = read_json_file(LEVIN_SOURCE_DIR "/tests/data/yaml/samples.json");
  REQUIRE(samples.size() > 200);
  for (const Value& sample : samples.items()) {
    INFO("value " << sample.items()[0].repr());
    CHECK(dump_yaml(sample.items()[0]) == sample.items()[1].as_string());
  }
}

TEST_CASE("hyperparameters that JSON has no word for are written too") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Value hparams = Value::dict();
  hparams["inf"] = infinity;
  hparams["less"] = -infinity;
  hparams["nan"] = std::numeric_limits<double>::quiet_NaN();
  hparams["betas"] = Value::tuple({0.9, 0.999});
  hparams["weight"] = Value::scalar_tensor(0.5);
  hparams["count"] = Value::scalar_tensor(3, DType::int64);
  CHECK(dump_yaml(hparams) ==
        "betas:\n- 0.9\n- 0.999\ncount: 3\ninf: .inf\nless: -.inf\nnan: .nan\nweight: 0.5\n");
}

TEST_CASE("keys that are numbers are sorted by size, mixed keys keep their order") {
  Dict numbers, mixed;
  for (const Value& key : {Value(10), Value(2.5), Value(true)}) numbers.set(key, "x");
  for (const Value& key : {Value("b"), Value(10), Value("a")}) mixed.set(key, "x");
  CHECK(dump_yaml(numbers) == "true: x\n2.5: x\n10: x\n");
  CHECK(dump_yaml(mixed) == "b: x\n10: x\na: x\n");
}

TEST_CASE("a list that occurs twice is written twice") {
  const Value shared = Value::list({1});
  CHECK(dump_yaml(Dict{{"a", shared}, {"b", shared}}) == "a:\n- 1\nb:\n- 1\n");
}

TEST_CASE("a long text that is all digits is quoted, one of any length is written") {
  const std::string digits(100000, '7'), word(100000, 'n');
  CHECK((dump_yaml(Dict{{"k", digits}}) == "k: '" + digits + "'\n"));
  CHECK((dump_yaml(Dict{{"k", word}}) == "k: " + word + "\n"));
}

TEST_CASE("what YAML can't hold is an error") {
  CHECK_THROWS_AS(dump_yaml(Dict{{"k", Value::bytes("raw")}}), TypeError);
  CHECK_THROWS_AS(dump_yaml(Dict{{"k", Value::set({1})}}), TypeError);
  CHECK_THROWS_AS(dump_yaml(Dict{{"k", "\xff"}}), ValueError);
}
