// What random files of Python brought to light: see tests/interop/test_files.py.
#include "codec_support.h"
#include "levin/framework/base/codec/pickle_reader.h"
#include "levin/framework/base/codec/pickle_writer.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;

namespace {

Value again(const Value& value) {
  return read_archive_bytes(archive_bytes(value), {.strict = true});
}

Value read(const std::string& pickle, std::size_t numel = 4) {
  return read_archive_bytes(archive_around(pickle, numel));
}

Value dict_of(const char* key, Value value) {
  Value dict = Value::dict();
  dict[key] = std::move(value);
  return dict;
}

std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

std::string text(const std::string& ascii) {
  return "X" + std::string({static_cast<char>(ascii.size()), 0, 0, 0}) + ascii;
}

// ('storage', class, '0', 'cpu', numel), and the tuples of small numbers.
std::string storage(const std::string& type, char numel) {
  return "(" + text("storage") + global("torch", type) + text("0") + text("cpu") + "K" + numel +
         "tQ";
}

std::string one(char number) { return std::string("K") + number + "\x85"; }

const std::string proto = "\x80\x02", no_hooks = global("collections", "OrderedDict") + ")R";

// torch._utils._rebuild_tensor_v2's arguments, up to the hooks.
std::string tensor_arguments(char offset, char size) {
  return "(" + storage("FloatStorage", 4) + "K" + offset + one(size) + one(1) + "\x89" + no_hooks;
}

const std::string v2 = global("torch._utils", "_rebuild_tensor_v2");

}  // namespace

TEST_CASE("attributes of a tensor and of a parameter are kept, and which objects they share") {
  for (const bool parameter : {false, true}) {
    INFO("parameter " << parameter);
    const Value shared = Value::list({1, "two"});
    TensorRef noted = floats({1, 2, 3});
    noted.parameter = noted.requires_grad = parameter;
    noted.python = std::make_shared<const Object>(Object{{}, {}, dict_of("note", shared)});
    const Value tree = Value::list({noted, shared}), back = again(tree);
    CHECK(back == tree);
    const TensorRef& tensor = back.items()[0].as_tensor();
    REQUIRE(tensor.python);
    CHECK(tensor.parameter == parameter);
    CHECK(tensor.requires_grad == parameter);
    CHECK(tensor.python->state.at("note").same_object(back.items()[1]));
    CHECK_FALSE(Value(floats({1, 2, 3})) == back.items()[0]);
  }
}

TEST_CASE("a tensor's subclass is read with its name, refused strictly and not written") {
  const std::string pickle = proto + global("torch._tensor", "_rebuild_from_type_v2") + "(" + v2 +
                             global("mine", "Image") + tensor_arguments(0, 4) + "t}tR.";
  const Value image = read(pickle);
  REQUIRE(image.is_tensor());
  CHECK(image.as_tensor().sizes == std::vector<std::int64_t>{4});
  REQUIRE(image.as_tensor().python);
  CHECK(image.as_tensor().python->callable.as_global() == Global{"mine", "Image"});
  CHECK_THROWS_WITH(read_archive_bytes(archive_around(pickle), {.strict = true}),
                    Catch::Contains("the class mine.Image is not among those"));
  CHECK_THROWS_WITH(archive_bytes(image), Catch::Contains("can't save mine.Image"));
}

TEST_CASE("a tensor whose attributes contain itself is refused") {
  // note = []; note.append(a tensor that has note)
  const std::string pickle = proto + "]q" + '\0' +
                             global("torch._tensor", "_rebuild_from_type_v2") + "(" + v2 +
                             global("torch", "Tensor") + tensor_arguments(0, 4) + "t}" +
                             text("note") + "h" + '\0' + "stRa.";
  CHECK_THROWS_WITH(read(pickle), Catch::Contains("a container contains itself"));
}

TEST_CASE("attributes can't be set on a tensor that is done") {
  CHECK_THROWS_WITH(read(proto + v2 + tensor_arguments(0, 4) + "tR}b."),
                    Catch::Contains("attributes are set on a Tensor"));
}

TEST_CASE("a lazily conjugated tensor stays an inert object and is written again") {
  const std::string pickle = proto + v2 + tensor_arguments(0, 2) + "}" + text("conj") + "\x88stR.";
  const Value value = read(pickle);
  REQUIRE(value.kind() == Value::Kind::object);
  CHECK(value.type_name() == "torch._utils._rebuild_tensor_v2");
  CHECK(value.as_object().args.items().back() == dict_of("conj", true));
  CHECK(again(value) == value);
}

TEST_CASE("quantized tensors keep their bytes, in storages of quantized types") {
  for (const auto& [type, dtype] : {std::pair{"QInt8Storage", DType::int8},
                                    {"QUInt8Storage", DType::uint8},
                                    {"QInt32Storage", DType::int32},
                                    {"QUInt4x2Storage", DType::uint8}}) {
    INFO(type);
    const auto count = static_cast<char>(16 / itemsize(dtype));
    const Value value =
        read(proto + global("torch._utils", "_rebuild_qtensor") + "(" + storage(type, count) + "K" +
             '\0' + one(4) + one(1) + "}\x89" + no_hooks + "tR.");
    REQUIRE(value.kind() == Value::Kind::object);
    const Value& handle = value.as_object().args.items()[0];
    CHECK(handle.type_name() == std::string("torch.") + type);
    const TensorRef& bytes = handle.as_object().args.items()[0].as_tensor();
    CHECK(bytes.dtype == dtype);
    CHECK(bytes.storage->nbytes == 16);
    CHECK(again(value) == value);
  }
}

TEST_CASE("a storage by itself is written again, once") {
  const Value value = read(proto + storage("FloatStorage", 4) + "\x85.");
  const Value& handle = value.items()[0];
  const Value back = again(Value::list({handle, handle}));
  CHECK(back.items()[0] == handle);
  CHECK(back.items()[0].same_object(back.items()[1]));
}

TEST_CASE("a view without elements may begin beyond its storage's end") {
  CHECK(read(proto + v2 + tensor_arguments(9, 0) + "tR.").as_tensor().numel() == 0);
  CHECK_THROWS_WITH(read(proto + v2 + tensor_arguments(9, 1) + "tR."),
                    Catch::Contains("a tensor reaches beyond its storage of 4 elements"));
}

TEST_CASE("Python 2's names, which protocol 2 uses, are read as Python 3's") {
  struct Row {
    const char *module, *name, *read;
  };
  const Row rows[] = {{"__builtin__", "xrange", "builtins.range"},
                      {"__builtin__", "long", "builtins.int"},
                      {"__builtin__", "unicode", "builtins.str"},
                      {"exceptions", "ValueError", "builtins.ValueError"},
                      {"itertools", "izip", "builtins.zip"},
                      {"itertools", "count", "itertools.count"},
                      {"copy_reg", "_reconstructor", "copyreg._reconstructor"}};
  for (const Row& row : rows)
    CHECK(read(proto + global(row.module, row.name) + ".").type_name() == row.read);
}
