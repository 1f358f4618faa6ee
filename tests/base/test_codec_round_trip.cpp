#include <complex>
#include <limits>

#include "codec_support.h"
#include "levin/framework/base/codec/pickle_writer.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;

namespace {

Value again(const Value& value) {
  return read_archive_bytes(archive_bytes(value), {.strict = true});
}

Value count_to(std::int64_t n) {
  List items;
  for (std::int64_t i = 0; i < n; ++i) items.emplace_back(i);
  return Value::list(std::move(items));
}

Value dict_of(std::int64_t n, Dict::Type type) {
  Dict dict;
  dict.type = type;
  for (std::int64_t i = 0; i < n; ++i) dict.set(i, i * i);
  return dict;
}

std::string all_bytes() {
  std::string raw;
  for (int i = 0; i < 256; ++i) raw += static_cast<char>(i);
  return raw;
}

Value torch_size(List sizes) {
  return Object{Global{"torch", "Size"}, Value::tuple({Value::tuple(std::move(sizes))}), {}};
}

}  // namespace

TEST_CASE("every plain value comes back the same") {
  using Limits = std::numeric_limits<std::int64_t>;
  const List values = {nullptr,
                       true,
                       false,
                       0,
                       255,
                       256,
                       65535,
                       65536,
                       -1,
                       2147483647,
                       2147483648,
                       std::int64_t{-2147483648LL},
                       -2147483649LL,
                       std::int64_t{1} << 40,
                       -(std::int64_t{1} << 40),
                       Limits::max(),
                       Limits::min(),
                       Value::big_integer(std::string(8, '\xff') + '\0'),
                       Value::big_integer(std::string(300, '\x12')),
                       0.0,
                       -1.5,
                       1e300,
                       std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::quiet_NaN(),
                       std::complex<double>(1, -2),
                       "",
                       "text",
                       "\u00e4\u20ac\U0001f600",
                       "lone \xed\xa0\x80",
                       std::string(70000, 'x'),
                       std::string("zero\0inside", 11),
                       Value::bytes(""),
                       Value::bytes(all_bytes()),
                       Value::bytearray(""),
                       Value::bytearray(all_bytes()),
                       Value::list(),
                       Value::list({1}),
                       Value::tuple(),
                       Value::tuple({1}),
                       Value::tuple({1, 2}),
                       Value::tuple({1, 2, 3}),
                       Value::tuple({1, 2, 3, 4}),
                       Value::set(),
                       Value::set({1, "a"}),
                       Value::dict(),
                       Value::ordered_dict(),
                       torch_size({2, 3}),
                       Object{Global{"torch", "device"}, Value::tuple({"cuda", 1}), {}},
                       Global{"torch", "float32"}};
  for (const Value& value : values) {
    INFO(value.repr());
    CHECK(again(value) == value);
  }
  CHECK(again(Value::list(values)) == Value::list(values));
}

TEST_CASE("containers of any size keep their items and order") {
  for (const std::int64_t n : {0, 1, 2, 999, 1000, 1001, 2000, 2001, 3500}) {
    INFO(n);
    CHECK(again(count_to(n)) == count_to(n));
    CHECK(again(Value::tuple(count_to(n).items())) == Value::tuple(count_to(n).items()));
    for (const auto type : {Dict::Type::dict, Dict::Type::ordered_dict, Dict::Type::counter}) {
      const Value dict = dict_of(n, type), read = again(dict);
      CHECK(read == dict);
      std::int64_t expected = 0;
      for (const auto& [key, value] : read.as_dict()) CHECK(key.as_int() == expected++);
    }
  }
}

TEST_CASE("keys of every kind come back") {
  const Value dict =
      Dict{{"a", 1}, {1, 2}, {2.5, 3}, {nullptr, 4}, {Value::tuple({1, "b"}), 5}, {false, 6}};
  CHECK(again(dict) == dict);
}

TEST_CASE("tensors of every type come back with their bytes") {
  for (int i = 0; i <= static_cast<int>(DType::uint64); ++i) {
    const auto dtype = static_cast<DType>(i);
    INFO(dtype_name(dtype));
    const Value tensor =
        whole(storage_of(all_bytes().substr(0, 6 * itemsize(dtype)), dtype), {2, 3});
    const Value read = again(tensor);
    CHECK(read == tensor);
    CHECK(read.as_tensor().storage->nbytes == 6 * itemsize(dtype));
  }
}

TEST_CASE("views, flags and empty tensors come back as they were") {
  const auto storage = storage_of(std::vector<float>{0, 1, 2, 3, 4, 5}, DType::float32);
  TensorRef transposed = whole(storage, {2, 3});
  std::swap(transposed.sizes[0], transposed.sizes[1]),
      std::swap(transposed.strides[0], transposed.strides[1]);
  TensorRef expanded{.dtype = DType::float32,
                     .sizes = {4, 4},
                     .strides = {0, 0},
                     .storage_offset = 5,
                     .storage = storage};
  TensorRef parameter = whole(storage, {6});
  parameter.parameter = true, parameter.requires_grad = true;
  TensorRef wants_grad = floats({1});
  wants_grad.requires_grad = true;
  const TensorRef empty = whole(storage_of("", DType::float64), {0, 3}),
                  scalar = whole(floats({7}).storage, {});
  for (const TensorRef& tensor : {transposed, expanded, parameter, wants_grad, empty, scalar}) {
    const Value value = again(tensor);
    const TensorRef& read = value.as_tensor();
    CHECK(value == Value(tensor));
    CHECK(read.strides == tensor.strides);
    CHECK(read.storage_offset == tensor.storage_offset);
    CHECK(read.requires_grad == tensor.requires_grad);
    CHECK(read.parameter == tensor.parameter);
  }
}

TEST_CASE("what is shared stays shared, and what is only equal stays apart") {
  const auto storage = storage_of(std::vector<float>{1, 2, 3, 4}, DType::float32);
  const Value list = Value::list({1}), tensor = whole(storage, {4});
  const Value read = again(Value::list({list, list, Value::list({1}), tensor, tensor,
                                        whole(storage, {2, 2}), floats({1, 2, 3, 4})}));
  const List& items = read.items();
  CHECK(items[0].same_object(items[1]));
  CHECK_FALSE(items[0].same_object(items[2]));
  CHECK(items[3].same_object(items[4]));
  CHECK(items[3].as_tensor().storage == items[5].as_tensor().storage);
  CHECK(items[3].as_tensor().storage != items[6].as_tensor().storage);
}

TEST_CASE("the attributes and the location of what was saved come back") {
  Value state = Value::ordered_dict();
  auto on_gpu = std::make_shared<Storage>(*floats({1, 2}).storage);
  on_gpu->location = "cuda:1";
  state["w"] = whole(on_gpu, {2});
  state.as_dict().attributes["_metadata"] = Value::ordered_dict();
  const Value read = again(state);
  CHECK(read == state);
  CHECK(read.at("w").as_tensor().storage->location == "cuda:1");
}

TEST_CASE("equal trees give equal bytes and different ones different ids") {
  auto tree = [](float x) { return Value(Dict{{"w", floats({x, 2})}, {"n", 3}}); };
  CHECK(archive_bytes(tree(1)) == archive_bytes(tree(1)));
  CHECK(archive_bytes(tree(1)).size() == archive_bytes(tree(5)).size());
  CHECK(archive_bytes(tree(1)) != archive_bytes(tree(5)));
}

TEST_CASE("the pickle is Python's own, opcode for opcode") {
  // pickle.dumps([1, "a", {"b": (2.0,)}, {}], 2)
  const Value tree = Value::list({1, "a", Dict{{"b", Value::tuple({2.0})}}, Value::dict()});
  const std::string expected(
      "\x80\x02]q\0(K\1X\1\0\0\0aq\1}q\2X\1\0\0\0bq\3G@\0\0\0\0\0\0\0\x85q\4s}q\5e.", 45);
  CHECK(write_pickle(tree).bytes == expected);
}

TEST_CASE("what Python could not load is refused before anything is written") {
  const Value namespace_ = Object{Global{"argparse", "Namespace"}, Value::tuple(), {}};
  CHECK_THROWS_AS(archive_bytes(namespace_), TypeError);
  CHECK_THROWS_AS(archive_bytes(Object{Global{"torch", "Size"}, Value::tuple(), Value::dict()}),
                  TypeError);
  CHECK_THROWS_WITH(archive_bytes(Global{"os", "system"}),
                    Catch::Matchers::Contains("can't save os.system"));
  CHECK_THROWS_AS(archive_bytes("not \xff UTF-8"), ValueError);

  const auto storage = storage_of(std::vector<float>{1, 2}, DType::float32);
  TensorRef as_int = whole(storage, {2});
  as_int.dtype = DType::int32;
  CHECK_THROWS_WITH(
      archive_bytes(Value::list({whole(storage, {2}), as_int})),
      "Cannot save multiple tensors or storages that view the same data as different types");
}

TEST_CASE("a tree that contains itself or is too deep is refused by the writer") {
  Value list = Value::list();
  list.push_back(list);
  CHECK_THROWS_WITH(archive_bytes(list), Catch::Matchers::Contains("contains itself"));
  list.items().clear();

  Value deep = Value::list();
  for (int i = 1; i < 500; ++i) deep = Value::list({deep});
  CHECK(again(deep) == deep);
  CHECK_THROWS_AS(archive_bytes(Value::list({deep})), ValueError);
}
