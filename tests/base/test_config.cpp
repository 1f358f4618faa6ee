#include <fstream>

#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/config.h"
#include "levin/framework/base/config/report.h"
#include "levin/framework/base/json.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;

namespace {

Config config_of(const std::string& text, const std::string& name = "a.json") {
  Config out;
  out.value = parse_json(text, name, &out.origins);
  return out;
}

Value json(const std::string& text) { return parse_json(text, "test"); }

std::string set(const std::string& config, std::vector<std::string> arguments) {
  Config out = config_of(config);
  for (const Assignment& assignment : parse_assignments(arguments)) assign(out, assignment);
  return dump_json(out.value, -1);
}

struct Inner {
  std::int64_t n = 1;
};
template <class V>
void fields(V&& f, Inner& o) {
  f("n", o.n, "a number");
}
struct Outer {
  std::int64_t count = 3;
  std::optional<double> rate = std::nullopt;
  std::vector<std::int64_t> sizes = {1};
  std::variant<std::int64_t, std::string> mixed = std::int64_t{1};
  std::vector<Inner> inner = {};
};
template <class V>
void fields(V&& f, Outer& o) {
  f("count", o.count, "how many");
  f("rate", o.rate, "how fast");
  f("sizes", o.sizes, "how large");
  f("mixed", o.mixed, "either");
  f("inner", o.inner, "within");
}

Catalog small_catalog() {
  Catalog catalog;
  catalog.trainer = {{"max_epochs", "int or null", "epochs", Value()},
                     {"callbacks", "list of callback", "callbacks", Value::list()},
                     {"logger", "null or bool or logger or list of logger", "loggers", Value()}};
  catalog.kinds["module"] = {{"Net", describe_fields(Outer{})}};
  catalog.kinds["data module"] = {{"Rows", {{"batch_size", "int", "rows a batch", 32}, {"path", "str", "file", "x.csv"}}}};
  catalog.kinds["callback"] = {{"Stop", {{"monitor", "str or null", "metric", Value()}, {"patience", "int", "epochs", 3}}}};
  catalog.kinds["logger"] = {{"CSV", {{"name", "str", "folder", "logs"}}}};
  catalog.kinds["optimizer"] = {};
  catalog.kinds["lr scheduler"] = {{"Steps", {{"gamma", "float", "factor", 0.5}}}};
  catalog.schedule = {{"interval", "str", "when", "epoch"}};
  return catalog;
}

}  // namespace

TEST_CASE("parsing tells where each key and value stands") {
  const Config c = config_of("{\n  \"trainer\": {\"callbacks\": [1,\n   {\"é\": 2}]}\n}");
  CHECK(c.where("") == "a.json:1:1");
  CHECK(c.where("trainer") == "a.json:2:14");
  CHECK(c.origins.find("trainer").key.text() == "a.json:2:3");
  CHECK(c.where("trainer.callbacks[0]") == "a.json:2:29");
  CHECK(c.where("trainer.callbacks[1].é") == "a.json:3:10");
  // What is not there has the place of what is around it.
  CHECK(c.where("trainer.callbacks[1].other.deep") == "a.json:3:4");
}

TEST_CASE("all that is wrong with options is told at once, each with its place") {
  Outer options;
  try {
    read_fields(json(R"({"count": "x", "size": 1, "sizes": [1, "two", 3.5], "inner": [{"n": 1}, {"nn": 2}], "mixed": []})"), options, "model");
    FAIL("nothing was thrown");
  } catch (const OptionErrors& errors) {
    CHECK(std::string(errors.what()) ==
          "model: unknown key 'size'; did you mean 'sizes'?\n"
          "model.count: expected an int, got str 'x'\n"
          "model.sizes[1]: expected an int, got str 'two'\n"
          "model.sizes[2]: expected an int, got float 3.5\n"
          "model.mixed: expected int or str, got list []\n"
          "model.inner[1]: unknown key 'nn'; did you mean 'n'?");
  }
}

TEST_CASE("a single mistake is the error that it is") {
  Outer options;
  CHECK_THROWS_AS(read_fields(json(R"({"count": "x"})"), options, "model"), TypeError);
  CHECK_THROWS_WITH(read_fields(json(R"({"inner": [{"nn": 2}]})"), options, "model"), "model.inner[0]: unknown key 'nn'; did you mean 'n'?");
  CHECK_THROWS_AS(read_fields(json(R"({"inner": [{"nn": 2}]})"), options, ""), KeyError);
}

TEST_CASE("later configurations are laid over earlier ones, and so are the places") {
  Config a = config_of(R"({"trainer": {"max_epochs": 1, "callbacks": ["A"]}, "model": {"class_path": "N", "init_args": {"a": 1}}})");
  a.merge(config_of(R"({"trainer": {"min_epochs": 2, "callbacks+": "B"}, "model": {"class_path": "M"}})", "b.json"));
  CHECK(dump_json(a.value, -1) == R"({"trainer": {"max_epochs": 1, "callbacks": ["A", "B"], "min_epochs": 2}, "model": {"class_path": "M"}})");
  CHECK(a.where("trainer.min_epochs").starts_with("b.json:1:"));
  CHECK(a.where("trainer.max_epochs").starts_with("a.json:1:"));
}

TEST_CASE("assignments find their place") {
  struct Row { const char *config; std::vector<std::string> arguments; const char* result; };
  const Row rows[] = {
      {"{}", {"--trainer.max_epochs=3"}, R"({"trainer": {"max_epochs": 3}})"},
      {"{}", {"--trainer.max_epochs", "3"}, R"({"trainer": {"max_epochs": 3}})"},
      {"{}", {"--model", "Net", "--model.lr=0.1"}, R"({"model": {"class_path": "Net", "init_args": {"lr": 0.1}}})"},
      {R"({"model": {"class_path": "Net", "init_args": {"lr": 1}}})", {"--model.init_args.lr", "1e-3"}, R"({"model": {"class_path": "Net", "init_args": {"lr": 0.001}}})"},
      {R"({"model": {"class_path": "Net", "init_args": {"lr": 1}}})", {"--model=Other"}, R"({"model": {"class_path": "Other"}})"},
      {R"({"model": {"class_path": "Net", "init_args": {"lr": 1}}})", {"--model=Net"}, R"({"model": {"class_path": "Net", "init_args": {"lr": 1}}})"},
      {"{}", {"--trainer.callbacks+=Stop", "--trainer.callbacks.monitor=val_loss"}, R"({"trainer": {"callbacks": [{"class_path": "Stop", "init_args": {"monitor": "val_loss"}}]}})"},
      {R"({"trainer": {"callbacks": ["A", {"class_path": "B"}]}})", {"--trainer.callbacks.0.x=1", "--trainer.callbacks.y=2"},
       R"({"trainer": {"callbacks": [{"class_path": "A", "init_args": {"x": 1}}, {"class_path": "B", "init_args": {"y": 2}}]}})"},
      {"{}", {"--optimizer=Adam", "--optimizer.lr=1e-3", "--lr_scheduler=StepLR"}, R"({"optimizer": {"class_path": "Adam", "init_args": {"lr": 0.001}}, "lr_scheduler": "StepLR"})"},
      {"{}", {"--trainer.limit_train_batches=1.0"}, R"({"trainer": {"limit_train_batches": 1.0}})"},
      {"{}", {"--trainer.callbacks+=[\"A\", \"B\"]"}, R"({"trainer": {"callbacks": ["A", "B"]}})"},
      {"{}", {"--data.path=--x"}, R"({"data": {"init_args": {"path": "--x"}}})"},
  };
  for (const Row& row : rows) {
    INFO(row.result);
    CHECK(set(row.config, row.arguments) == row.result);
  }
}

TEST_CASE("wrong assignments say what is wrong with them") {
  struct Row { const char *config; std::vector<std::string> arguments; const char* message; };
  const Row rows[] = {
      {"{}", {"trainer.max_epochs=3"}, "unexpected argument 'trainer.max_epochs=3'; options look like --trainer.max_epochs=3"},
      {"{}", {"--trainer.max_epochs"}, "--trainer.max_epochs: a value is missing, as in --trainer.max_epochs=VALUE"},
      {"{}", {"--trainr.max_epochs=3"}, "--trainr.max_epochs: unknown option; did you mean '--trainer'?"},
      {"{}", {"--x=3"}, "--x: unknown option; options begin with --trainer, --model or --data; --help lists them"},
      {"{}", {"--trainer..x=3"}, "--trainer..x=3: an empty name between dots"},
      {R"({"trainer": 3})", {"--trainer.x=3"}, "--trainer.x=3: 'x' is set within int 3"},
      {R"({"trainer": {"callbacks": []}})", {"--trainer.callbacks.monitor=x"}, "--trainer.callbacks.monitor=x: the list 'trainer.callbacks' is empty; add to it with --trainer.callbacks+=NAME first"},
      {R"({"trainer": {"callbacks": ["A"]}})", {"--trainer.callbacks.1.x=x"}, "--trainer.callbacks.1.x=x: 'trainer.callbacks' has 1 item(s); the last is 0"},
      {R"({"trainer": {"callbacks": "A"}})", {"--trainer.callbacks+=B"}, "--trainer.callbacks+=B: this is no list but str"},
  };
  for (const Row& row : rows) CHECK_THROWS_WITH(set(row.config, row.arguments), row.message);
}

TEST_CASE("the environment gives defaults") {
  const auto assignments = environment_assignments("fit", {"PL_FIT__TRAINER__MAX_EPOCHS=3", "PATH=x", "PL_TEST__TRAINER__MAX_EPOCHS=4", "PL_FIT__CONFIG=c.json", "PL_FIT__MODEL=Net"});
  REQUIRE(assignments.size() == 2);
  CHECK(assignments[0].path == "model");
  CHECK(assignments[1].path == "trainer.max_epochs");
  CHECK(assignments[1].value == Value(3));
  CHECK(assignments[1].origin.text() == "PL_FIT__TRAINER__MAX_EPOCHS");
  CHECK_THROWS_WITH(environment_assignments("fit", {"PL_FIT__TRAINR__MAX_EPOCHS=3"}), "PL_FIT__TRAINR__MAX_EPOCHS: unknown option; did you mean 'PL_FIT__trainer'?");
}

TEST_CASE("files: sections by command, groups, unknown sections") {
  const TemporaryFolder folder;
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(folder / name) << text;
    return folder / name;
  };
  const std::string all = write("all.json", "{\"fit\": {\"trainer\": {\"max_epochs\": 7}},\n \"test\": {}}");
  CHECK(dump_json(read_config_file(all, "fit").value, -1) == R"({"trainer": {"max_epochs": 7}})");
  CHECK(read_config_file(all, "fit").where("trainer.max_epochs") == all + ":1:36");
  CHECK(dump_json(read_config_file(all, "predict").value, -1) == "{}");
  const std::string wrong = write("wrong.json", "{\n \"trainr\": {}}");
  CHECK_THROWS_WITH(read_config_file(wrong, "fit"), wrong + ":2:2: unknown key 'trainr'; did you mean 'trainer'?");
  const std::string group = write("trainer.json", "{\"max_epochs\": 2}");
  Config config;
  for (const Assignment& one : parse_assignments({"--trainer=" + group, "--trainer.min_epochs=1"})) assign(config, one);
  CHECK(dump_json(config.value, -1) == R"({"trainer": {"max_epochs": 2, "min_epochs": 1}})");
  CHECK(config.where("trainer.max_epochs") == group + ":1:16");
}

TEST_CASE("a completed configuration has everything in its order, and completing it again changes nothing") {
  const Catalog catalog = small_catalog();
  const Value given = json(R"({"model": "pkg.Net", "trainer": {"callbacks": ["Stop", {"class_path": "Stop", "init_args": {"patience": 1}}], "logger": [{"class_path": "CSV"}]}})");
  const Value whole = complete_config(given, catalog);
  CHECK(dump_json(whole, -1) ==
        R"({"seed_everything": null, "trainer": {"max_epochs": null, "callbacks": [{"class_path": "Stop", "init_args": {"monitor": null, "patience": 3}}, {"class_path": "Stop", "init_args": {"monitor": null, "patience": 1}}], "logger": [{"class_path": "CSV", "init_args": {"name": "logs"}}]}, "model": {"class_path": "pkg.Net", "init_args": {"count": 3, "rate": null, "sizes": [1], "mixed": 1, "inner": []}}, "data": null, "optimizer": null, "lr_scheduler": null, "ckpt_path": null})");
  CHECK(dump_json(complete_config(whole, catalog)) == dump_json(whole));
}

TEST_CASE("what a class has beside its arguments is kept, and a scheduler's schedule completed") {
  const Value whole = complete_config(json(R"({"model": {"class_path": "Net", "init_arg": {}}, "lr_scheduler": "Steps"})"), small_catalog());
  CHECK(whole.at("model").contains("init_arg"));
  CHECK(dump_json(whole.at("lr_scheduler"), -1) == R"({"class_path": "Steps", "init_args": {"gamma": 0.5}, "interval": "epoch"})");
}

TEST_CASE("links copy options, through chains") {
  const Catalog catalog = small_catalog();
  const Value given = json(R"({"model": "Net", "data": {"class_path": "Rows", "init_args": {"batch_size": 8}}})");
  Value whole = complete_config(given, catalog);
  apply_links(whole, json(R"({"model.count": "trainer.max_epochs", "data.batch_size": ["model.init_args.count"]})"), given);
  CHECK(whole.at("model").at("init_args").at("count") == Value(8));
  CHECK(whole.at("trainer").at("max_epochs") == Value(8));
}

TEST_CASE("wrong links say what is wrong with them") {
  const Catalog catalog = small_catalog();
  const Value given = json(R"({"model": {"class_path": "Net", "init_args": {"count": 5}}, "data": "Rows"})");
  struct Row { const char *links, *message; };
  const Row rows[] = {
      {R"({"data.batch_size": "model.count"})", "'model.count' takes its value from 'data.batch_size' and can't be given as well; leave it or the link out"},
      {R"({"data.batchsize": "model.rate"})", "there is no option 'data.batchsize' to take a value from"},
      {R"({"data.batch_size": "model.rat"})", "there is no option 'model.rat' to give a value to"},
      {R"({"data.batch_size": "data.batch_size"})", "the links go round in a circle: data.batch_size -> data.batch_size; take one of them out"},
      {R"({"data.batch_size": "model.rate", "model.rate": "model.mixed", "model.mixed": "data.batch_size"})",
       "the links go round in a circle: data.batch_size -> model.rate -> model.mixed -> data.batch_size; take one of them out"},
      {R"({"data.batch_size": "model.rate", "data.path": "model.rate"})", "'model.rate' is linked to both 'data.batch_size' and 'data.path'; leave one out"},
      {R"([1])", "expected a dict of source to target, got list [1]"},
      {R"({"data.path": 3})", "'data.path': expected a path or a list of paths, got int 3"},
  };
  for (const Row& row : rows) {
    Value whole = complete_config(given, catalog);
    CHECK_THROWS_WITH(apply_links(whole, json(row.links), given), row.message);
  }
}

TEST_CASE("problems are told with where they were written, in that order") {
  const Config config = config_of("{\"trainer\": {\"b\": 1,\n \"a\": 2}, \"model\": {\"class_path\": \"N\",\n \"init_args\": {\"lr\": -1}}}");
  Problems problems;
  problems.add({"model", "`lr` has to be positive, got -1"});
  CHECK_THROWS_WITH(throw_located(config, problems), "a.json:3:22: model.init_args.lr: `lr` has to be positive, got -1");
  problems.add({"trainer", "unknown key 'a'", "KeyError", "a"});
  problems.add({"trainer.b", "expected a str"});
  CHECK_THROWS_WITH(throw_located(config, problems),
                    "3 things are wrong with the configuration:\n"
                    "  a.json:1:19: trainer.b: expected a str\n"
                    "  a.json:2:2: trainer: unknown key 'a'\n"
                    "  a.json:3:22: model.init_args.lr: `lr` has to be positive, got -1");
}

TEST_CASE("types are taken apart") {
  CHECK(type_alternatives("list of (int or str) or null") == std::vector<std::string>{"list of (int or str)", "null"});
  CHECK(list_item_type("list of (int or str)") == "int or str");
  std::size_t length = 0;
  CHECK(list_item_type("list of 2 float", &length) == "float");
  CHECK(length == 2);
  CHECK(describe_fields(Outer{})[4].type == "list of options");
  CHECK(describe_fields(Outer{})[4].nested.at(0).name == "n");
}

TEST_CASE("the schema describes every option with type, doc and default") {
  const Value schema = json_schema(small_catalog());
  const Value& stop = schema.at("$defs").at("callback.Stop").at("properties").at("patience");
  CHECK(dump_json(stop, -1) == R"({"type": "integer", "description": "epochs", "default": 3})");
  const Value& net = schema.at("$defs").at("module.Net").at("properties");
  CHECK(dump_json(net.at("mixed").at("anyOf"), -1) == R"([{"type": "integer"}, {"type": "string"}])");
  Catalog catalog;
  catalog.trainer = {{"precision", R"("32-true" or 32 or "32" or null)", "digits", Value()}};
  const Value schema_of_values = json_schema(catalog).at("properties").at("trainer").at("anyOf").items()[0].at("properties").at("precision");
  CHECK(dump_json(schema_of_values.at("anyOf"), -1) == R"([{"type": "null"}, {"enum": ["32-true", 32, "32"]}])");
  CHECK(dump_json(net.at("inner").at("items").at("properties").at("n").at("type"), -1) == "\"integer\"");
}
