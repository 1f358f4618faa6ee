#include <nlohmann/json.hpp>

#include "codec_support.h"
#include "levin/framework/base/codec/zip_reader.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;
using nlohmann::json;

namespace {

std::string key_text(const Value& key) { return key.is_string() ? key.as_string() : key.repr(); }

// The descriptions write infinities as text.
double number_in(const json& expected) {
  return expected.is_number() ? expected.get<double>() : std::stod(expected.get<std::string>());
}

void compare(const Value& value, const json& expected, const std::string& where) {
  INFO(where << ": " << value.repr());
  if (value.is_tensor()) {
    const TensorRef& tensor = value.as_tensor();
    CHECK("torch." + std::string(dtype_name(tensor.dtype)) ==
          expected["tensor"].get<std::string>());
    CHECK(json(tensor.sizes) == expected["shape"]);
    REQUIRE(tensor.is_contiguous());
    const std::vector<double> elements = elements_of(tensor);
    double sum = 0;
    for (const double element : elements) sum += element;
    CHECK(sum == Approx(number_in(expected["sum"])).epsilon(1e-12).margin(1e-12));
    const json first =
        expected["first"].is_array() ? expected["first"] : json::array({expected["first"]});
    REQUIRE(first.size() == std::min<std::size_t>(4, elements.size()));
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(elements[i] == number_in(first[i]));
  } else if (value.is_dict()) {
    REQUIRE(expected.size() == value.size());
    for (const auto& [key, item] : value.as_dict()) {
      REQUIRE(expected.contains(key_text(key)));
      compare(item, expected[key_text(key)], where + "/" + key_text(key));
    }
  } else if (value.is_list() || value.is_tuple()) {
    REQUIRE(expected.size() == value.size());
    for (std::size_t i = 0; i < value.size(); ++i)
      compare(value.items()[i], expected[i], where + "/" + std::to_string(i));
  } else if (value.is_string()) {
    CHECK(value.as_string() == expected.get<std::string>());
  } else if (value.is_bool()) {
    CHECK(value.as_bool() == expected.get<bool>());
  } else if (value.is_int()) {
    CHECK(value.as_int() == expected.get<std::int64_t>());
  } else if (value.is_float()) {
    CHECK(value.as_double() == number_in(expected));
  } else {
    CHECK(value.is_none());
    CHECK(expected.is_null());
  }
}

}  // namespace

TEST_CASE("every value of Lightning's checkpoints is read as Python describes it") {
  for (const std::string name : fixture_names) {
    compare(read_archive(fixtures + name + ".ckpt", {.strict = true}),
            json::parse(contents_of(fixtures + name + ".json")), name);
  }
}

TEST_CASE(
    "a checkpoint of Lightning that is read and written again has the same bytes up to the "
    "serialization id") {
  for (const std::string name : fixture_names) {
    INFO(name);
    const std::string original = contents_of(fixtures + name + ".ckpt");
    const std::string again = archive_bytes(read_archive(fixtures + name + ".ckpt"));
    const ZipReader before(original), after(again);
    REQUIRE(after.root() == before.root());
    REQUIRE(again.size() == original.size());
    for (const ZipRecord& record : before.records()) {
      INFO(record.name);
      REQUIRE(after.find(record.name));
      CHECK(after.find(record.name)->data.data() - again.data() ==
            record.data.data() - original.data());
      if (record.name != ".data/serialization_id")
        CHECK(after.find(record.name)->data == record.data);
    }
  }
}

TEST_CASE("a state dict is an OrderedDict with its _metadata") {
  const Value file = read_archive(fixtures + "batchnorm-adamw-onecycle.ckpt");
  const Dict& state = file.at("state_dict").as_dict();
  CHECK(state.type == Dict::Type::ordered_dict);
  CHECK(state.begin()->first.as_string() == "net.0.weight");
  CHECK(state.attributes.at("_metadata").at("net.1").at("version").as_int() == 2);
  CHECK(state.find("net.1.num_batches_tracked")->as_tensor().sizes.empty());
}

TEST_CASE("MultiStepLR's milestones are a Counter") {
  const Value file = read_archive(fixtures + "sgd-multistep.ckpt");
  const Dict& milestones = file.at("lr_schedulers").items().at(0).at("milestones").as_dict();
  CHECK(milestones.type == Dict::Type::counter);
  REQUIRE(milestones.find(Value(2)));
  CHECK(milestones.find(Value(2))->as_int() == 1);
}

TEST_CASE("tensors are views that keep the mapped file alive, or copies on request") {
  for (const bool copy : {false, true}) {
    Value weight;
    {
      const Value file = read_archive(fixtures + "adam.ckpt", {.copy = copy});
      weight = file.at("state_dict").at("net.0.weight");
    }
    CHECK(elements_of(weight.as_tensor())[1] == 0.1855388581752777);
    const auto address = reinterpret_cast<std::uintptr_t>(weight.as_tensor().storage->data);
    CHECK(address % (copy ? 16 : 64) == 0);
  }
}

TEST_CASE("a file that is missing or no regular file is named") {
  CHECK_THROWS_AS(read_archive("/nonexistent/x.ckpt"), FileNotFoundError);
  CHECK_THROWS_WITH(read_archive("/nonexistent/x.ckpt"),
                    "[Errno 2] No such file or directory: '/nonexistent/x.ckpt'");
  CHECK_THROWS_WITH(read_archive("/tmp"),
                    "can't read the checkpoint '/tmp': it is not a regular file");
}
