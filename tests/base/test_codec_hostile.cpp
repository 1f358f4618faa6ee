#include <ctime>

#include "codec_support.h"
#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/errors.h"
#include "pickle_support.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;
using namespace std::string_literals;
using Catch::Matchers::Contains;

namespace {

Value load(const std::string& pickle, bool strict = false) {
  return read_archive_bytes(archive_around(pickle), {.strict = strict});
}

}  // namespace

TEST_CASE("a sound hand-made tensor loads") {
  CHECK(load(tensor(4, 1, 3, 1)).as_tensor().sizes == std::vector<std::int64_t>{3});
  CHECK(load(tensor(4, 4, 0, 1)).as_tensor().numel() == 0);
  CHECK(load(tensor(4, 3, std::int64_t{1} << 40, 0)).as_tensor().strides[0] == 0);
}

TEST_CASE("a tensor that lies outside its storage is refused") {
  struct Case {
    std::int64_t numel, offset, size, stride;
  };
  const std::int64_t huge = std::int64_t{1} << 62;
  for (const Case& c :
       {Case{5, 0, 5, 1}, Case{std::int64_t{1} << 40, 0, 4, 1}, Case{huge, 0, 4, 1},
        Case{3, 0, 3, 1}, Case{-1, 0, 4, 1}, Case{4, 0, 5, 1}, Case{4, 1, 4, 1}, Case{4, 0, 2, 4},
        Case{4, -1, 2, 1}, Case{4, 0, -1, 1}, Case{4, 0, 2, -1}, Case{4, huge, 2, huge},
        Case{4, 0, huge, 0}, Case{4, 4, 1, 1}, Case{4, 0, huge, huge}}) {
    INFO(c.numel << " " << c.offset << " " << c.size << " " << c.stride);
    CHECK_THROWS_AS(load(tensor(c.numel, c.offset, c.size, c.stride)), CheckpointError);
  }
}

TEST_CASE("malformed pickles are refused with the reason") {
  const std::string p = "\x80\x02", memo30 = "r"s + '\0' + '\0' + '\0' + '\x40';
  const std::string rebuild = p + "ctorch._utils\n_rebuild_tensor_v2\n";
  const std::pair<std::string, const char*> cases[] = {
      {"", "does not begin as a pickle"},
      {"(lp0\n.", "does not begin as a pickle"},
      {"\x80\x01N.", "pickle protocol 1"},
      {"\x80\x06N.", "pickle protocol 6"},
      {p + "N", "ends in the middle"},
      {p + "NN.", "values left over"},
      {p + "(N.", "values left over"},
      {p + ".", "values left over"},
      {p + "N.x", "bytes behind the end"},
      {p + "0.", "more values than there are"},
      {p + "t.", "there is no mark"},
      {p + "N(\x85.", "more values than there are"},
      {p + "h\1.", "memo entry 1 does not exist"},
      {p + "]" + memo30 + ".", "memo entry 1073741824"},
      {p + "X\xff\xff\xff\xff"
           "abc.",
       "ends in the middle"},
      {p + "\x8d" + repeat("\xff", 8) + "abc.", "ends in the middle"},
      {p + "\x8b\xff\xff\xff\xff"
           "abc.",
       "ends in the middle"},
      {p + text("\xff") + ".", "not UTF-8"},
      {p + "}(N.", "values left over"},
      {p + "}(Nu.", "a key without a value"},
      {p + "}]Ns.", "unhashable type: 'list'"},
      {p + "]NNs.", "an entry is set in a list"},
      {p + "}Na.", "an item is appended to a dict"},
      {p + "]q\0h\0a."s, "contains itself"},
      {p + "}q\0Nh\0s."s, "contains itself"},
      {p + "]q\0h\0\x85"
           "a."s,
       "contains itself"},
      {p + "N)R.", "is called"},
      {p + text("x") + ")R.", "is called"},
      {p + "cos\nsystem\n]R.", "no tuple"},
      {p + "]}b.", "attributes are set on a list"},
      {p + "}}b.", "attributes are set on a dict"},
      {p + "ccollections\nOrderedDict\n)R]b.", "attributes are no dict"},
      {p + "ctorch._utils\n_rebuild_tensor_v2\n)R.", "arguments that do not belong"},
      {rebuild + "(NK\0))\x89}tR."s, "has no storage"},
      {rebuild + "(ctorch\nFloatStorage\n)RK\0))\x89}tR."s, "has no storage"},
      {p + "NQ.", "persistent id"},
      {p + storage(4, "FloatStorage", "1") + ".", "there is no record data/1"},
      {p + storage(4, "FloatStorage", "../0") + ".", "key is no number"},
      {p + storage(4, "OddStorage") + ".", "the storage type torch.OddStorage is not supported"},
      {p + storage(4) + storage(4, "IntStorage") + "\x86.", "described in two ways"},
      {p + storage(4) + "Na.", "an item is appended"},
      {p + "ccollections\nCounter\n]\x85R.", "arguments that do not belong"},
      {p + "c_codecs\nencode\n" + text("\u20ac") + text("latin1") + "\x86R.",
       "arguments that do not belong"},
      {p + "c" + std::string(2000, 'a') + "\nx\n.", "a name does not end"},
      {p + "I1\n.", "opcode 73"},
      {p + "\x97.", "opcode 151"},
  };
  for (const auto& [pickle, reason] : cases) {
    INFO(reason);
    CHECK_THROWS_WITH(load(pickle),
                      Contains(reason) && Contains("record archive/data.pkl at byte"));
  }
}

TEST_CASE("unknown classes are inert objects, and refused by strict reading") {
  const std::string pickle = "\x80\x02}(" + text("w") + "K\7" + text("hp") +
                             "cargparse\nNamespace\n)\x81}" + text("lr") + "K\1sb" + text("os") +
                             "cos\nsystem\n" + text("reboot") + "\x85Ru.";
  const Value read = load(pickle);
  CHECK(read.at("w").as_int() == 7);
  const Object& hp = read.at("hp").as_object();
  CHECK(hp.is_new);
  CHECK(hp.callable.as_global() == Global{"argparse", "Namespace"});
  CHECK(hp.state.at("lr").as_int() == 1);
  CHECK(read.at("os").as_object().args.items()[0].as_string() == "reboot");
  CHECK_THROWS_WITH(load(pickle, true),
                    Contains("argparse.Namespace is not among those that strict reading accepts"));
  CHECK_THROWS_AS(archive_bytes(read), TypeError);
}

TEST_CASE("entries and items of unknown subclasses of dict and list are kept") {
  const std::string pickle = "\x80\x02(ccollections\ndefaultdict\nc__builtin__\nint\n\x85R" +
                             text("a") +
                             "K\1s"
                             "ccollections\ndeque\n)RK\5aK\6at.";
  const Value read = load(pickle);
  CHECK(read.items()[0].as_object().state.at("a").as_int() == 1);
  CHECK(read.items()[0].as_object().args.items()[0].as_global() == Global{"builtins", "int"});
  CHECK(read.items()[1].as_object().state == Value::list({5, 6}));
}

TEST_CASE("pickles of protocol 3 to 5 are read") {
  // pickle.dumps(([1], b"ab", "x", {2}, frozenset({3}), bytearray(b"c")), 5), put together by hand
  const std::string pickle =
      "\x80\x05\x95\x10\0\0\0\0\0\0\0(]\x94K\1aC\2ab\x94\x8c\1x\x94\x8f\x94(K\2\x90(K\3\x91\x94"
      "\x96\1\0\0\0\0\0\0\0c\x94t\x94."s;
  const Value read = load(pickle);
  CHECK(read.items()[0] == Value::list({1}));
  CHECK(read.items()[1] == Value::bytes("ab"));
  CHECK(read.items()[2].as_string() == "x");
  CHECK(read.items()[3] == Value::set({2}));
  CHECK(read.items()[4].as_object().callable.as_global().name == "frozenset");
  CHECK(read.items()[5] == Value::bytearray("c"));
}

TEST_CASE("pickles that would exhaust time, memory or the stack are refused at once") {
  const std::string p = "\x80\x02";
  const std::string long_text = text(std::string(1 << 20, 'k'));
  std::string laughs = p + "]q\0"s;  // each list holds the one before it twice
  for (char i = 0; i < 60; ++i)
    laughs += "]q"s + static_cast<char>(i + 1) + "(h" + i + "h" + i + "e";
  std::string chain = p + "]q\0"s;  // outermost first: no container is deep when it gets its item
  for (int i = 1; i < 20000; ++i) {
    chain += "]r", append_le(chain, i);
    chain += "j", append_le(chain, i - 1);
    chain += "j", append_le(chain, i);
    chain += "a0"s + "0";
  }
  const std::string cases[] = {
      p + repeat("]", 2'000'000) + repeat("a", 1'999'999) + ".",
      p + repeat("]", 501) + repeat("a", 500) + ".",
      p + "N" + repeat("\x85", 2'000'000) + ".",
      p + repeat("(", 2'000'000) + repeat("t", 2'000'000) + ".",
      laughs + repeat("0", 61) + "h\x3c.",
      chain + ".",
      p + "}" + long_text + "q\0"s + repeat("Nsh\0"s, 100'000) + "Ns.",
      p + "c_codecs\nencode\nq\0"s + long_text + "q\1" + text("latin1") + "q\2" +
          repeat("h\0h\1h\2\x86R"s, 100'000) + ".",
      p + repeat("N)R", 1'000'000) + ".",
  };
  for (const std::string& pickle : cases) {
    INFO(pickle.size());
    const std::clock_t start = std::clock();
    CHECK_THROWS_AS(load(pickle), CheckpointError);
    CHECK(std::clock() - start < CLOCKS_PER_SEC);
  }
}

TEST_CASE("a deep chain that is thrown away, and a cycle that is not reached, do no harm") {
  const std::string p = "\x80\x02";
  CHECK(load(p + repeat("]", 100'000) + repeat("a", 99'999) + "0N.").is_none());
  CHECK(load(p + "]q\0h\0a0N."s).is_none());
  CHECK(load(p + repeat("]", 500) + repeat("a", 499) + ".").size() == 1);
}

TEST_CASE("a dict with many keys of every kind is filled in linear time") {
  std::string pickle = "\x80\x02}(";
  for (std::int32_t i = 0; i < 200'000; ++i) pickle += "J", append_le(pickle, i), pickle += "N";
  const Value read = load(pickle + "u.");
  CHECK(read.size() == 200'000);
  CHECK(read.as_dict().find(Value(199'999)));
}

TEST_CASE("the last of equal keys wins and keeps the first place") {
  const Value read =
      load("\x80\x02}(" + text("a") + "K\1" + text("b") + "K\2" + text("a") + "K\3u.");
  CHECK(read.size() == 2);
  CHECK(read.as_dict().begin()->second.as_int() == 3);
}
