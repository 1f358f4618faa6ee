#include "levin/framework/base/value.h"

#include <cmath>

#include "codec_support.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;

TEST_CASE("a dict of any size finds keys of every kind") {
  for (const int n : {3, 11, 12, 13, 300}) {
    INFO(n);
    Dict dict;
    for (int i = 0; i < n; ++i) {
      dict.set(i, i);
      dict.set(std::to_string(i), -i);
      dict.set(Value::tuple({i, "x"}), i * 2);
      dict.set(i + 0.5, i * 3);
    }
    dict.set(nullptr, "none");
    CHECK(dict.size() == static_cast<std::size_t>(4 * n + 1));
    for (int i = 0; i < n; ++i) {
      CHECK(dict.find(Value(i))->as_int() == i);
      CHECK(dict.find(std::to_string(i))->as_int() == -i);
      CHECK(dict.find(Value::tuple({i, "x"}))->as_int() == i * 2);
      CHECK(dict.find(Value(i + 0.5))->as_int() == i * 3);
    }
    CHECK(dict.find(Value(nullptr))->as_string() == "none");
    CHECK(dict.find(Value(n)) == nullptr);
    CHECK(dict.find("x") == nullptr);
    CHECK(dict.erase("0"));
    CHECK_FALSE(dict.erase("0"));
    CHECK(dict.find(Value(n - 1))->as_int() == n - 1);
  }
}

TEST_CASE("1, 1.0 and True are one key, and no string is mistaken for a number") {
  for (const int others : {0, 20}) {
    Dict dict;
    for (int i = 0; i < others; ++i) dict.set(std::string(static_cast<std::size_t>(i + 1), 'k'), i);
    dict.set(1, "int");
    dict.set(true, "bool");
    dict.set(1.0, "float");
    const std::string like_an_int("\0i\1\0\0\0\0\0\0\0", 10);
    dict.set(like_an_int, "str");
    CHECK(dict.size() == static_cast<std::size_t>(others + 2));
    CHECK(dict.find(Value(1))->as_string() == "float");
    CHECK(dict.find(like_an_int)->as_string() == "str");
    CHECK(dict.find(Value(std::nan(""))) == nullptr);
  }
}

TEST_CASE("copies share a container and clones do not") {
  Value a = Value::list({1});
  Value shared = a, cloned = a.clone();
  a.push_back(2);
  CHECK(shared.size() == 2);
  CHECK(cloned.size() == 1);
  CHECK(shared.same_object(a));
  CHECK_FALSE(Value(1).same_object(Value(1)));
}

TEST_CASE("equality is of type and content") {
  CHECK(Value::list({1, "a"}) == Value::list({1, "a"}));
  CHECK_FALSE(Value::list({1}) == Value::tuple({1}));
  CHECK_FALSE(Value(1) == Value(1.0));
  CHECK_FALSE(Value(true) == Value(1));
  CHECK(Value(std::nan("")) == Value(std::nan("")));
  const Value complex_nan = std::complex<double>(std::nan(""), 1);
  CHECK(complex_nan == Value(complex_nan.as_complex()));
  CHECK(Value(Dict{{"a", 1}, {"b", 2}}) == Value(Dict{{"b", 2}, {"a", 1}}));
  CHECK_FALSE(Value(Dict{{"a", 1}}) == Value(Dict{{"a", 2}}));

  TensorRef transposed = whole(floats({1, 3, 2, 4}).storage, {2, 2});
  std::swap(transposed.strides[0], transposed.strides[1]);
  CHECK(Value(transposed) == Value(whole(floats({1, 2, 3, 4}).storage, {2, 2})));
  CHECK_FALSE(Value(floats({1, 2})) == Value(floats({1, 3})));
  CHECK_FALSE(Value(floats({1, 2})) == Value(whole(floats({1, 2}).storage, {2, 1})));
}

TEST_CASE("a wrong read says what was wanted and what is there") {
  CHECK_THROWS_WITH(Value("x").as_int(), "expected an int, got str 'x'");
  CHECK_THROWS_AS(Value(1).items(), TypeError);
  CHECK_THROWS_WITH(Value(Dict{{"a", 1}}).at("b"), "no key 'b'; there are: 'a'");
  CHECK(Value::scalar_tensor(2.5).number() == 2.5);
  CHECK(Value::scalar_tensor(7, DType::int64).number() == 7);
}
