// Mutated configurations: parsed, merged, changed from a command line, completed, linked, read into options, reported. Whatever is in
// them, the answer is a value or an error of ours, in less than a second.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/config.h"
#include "levin/framework/base/config/report.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"

using namespace levin;

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

struct Inner {
  std::int64_t n = 1;
  std::optional<double> x = std::nullopt;
};
template <class V>
void fields(V&& f, Inner& o) {
  f("n", o.n, "a number");
  f("x", o.x, "another");
}
// A field of each type.
struct Options {
  std::optional<std::int64_t> max_epochs = std::nullopt;
  std::variant<std::int64_t, double> limit = 1.0;
  std::variant<std::monostate, bool, std::string> deterministic = {};
  std::optional<std::variant<std::string, Seconds>> max_time = std::nullopt;
  std::vector<std::int64_t> sizes = {1, 2};
  std::array<double, 2> betas = {0.9, 0.999};
  std::vector<Inner> inner = {};
  std::int32_t small = 3;
  std::string text = "a";
  Value anything = {};
};
template <class V>
void fields(V&& f, Options& o) {
  f("max_epochs", o.max_epochs, "epochs");
  f("limit", o.limit, "batches");
  f("deterministic", o.deterministic, "operators");
  f("max_time", o.max_time, "duration");
  f("sizes", o.sizes, "layers");
  f("betas", o.betas, "decays");
  f("inner", o.inner, "options within");
  f("small", o.small, "of 32 bits");
  f("text", o.text, "words");
  f("anything", o.anything, "whatever");
}

const Catalog& catalog() {
  static const Catalog made = [] {
    Catalog out;
    out.trainer = describe_fields(Options{});
    out.trainer.push_back({"callbacks", "list of callback", "callbacks", Value::list()});
    out.trainer.push_back({"strategy", "str or strategy", "strategy", "auto"});
    out.trainer.push_back({"logger", "null or bool or logger or list of logger", "loggers", Value()});
    for (const char* kind : {"module", "data module", "callback", "logger", "optimizer", "lr scheduler", "strategy"})
      out.kinds[kind] = {{"ModelCheckpoint", describe_fields(Options{})}, {"MLP", describe_fields(Inner{})}};
    out.schedule = describe_fields(Inner{});
    return out;
  }();
  return made;
}

void read_all(const Config& config, const Value& whole) {
  Problems problems;
  for (const std::string& section : config_sections()) {
    problems.collect(section, [&] {
      Options options;
      Problems within;
      read_fields(whole.at(section), options, within);
      within.throw_any();
    });
  }
  throw_located(config, problems);
}

void try_config(std::string_view text) {
  // Up to an empty line it is a file, the lines after it are arguments.
  const std::size_t cut = std::min(text.find("\n\n"), text.size());
  Config config, twice;
  config.value = parse_json(text.substr(0, cut), "config.json", &config.origins);
  if (!config.value.is_dict()) return;
  const std::string written = dump_json(config.value);
  require(dump_json(parse_json(written, "written")) == written, "what is written reads the same");
  twice.merge(config);
  twice.merge(config);

  std::vector<std::string> arguments;
  for (std::size_t at = cut + 2; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    arguments.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  for (const Assignment& one : parse_assignments(arguments))
    if (!(one.value.is_string() && one.value.as_string().ends_with(".json"))) assign(config, one);

  Value whole = complete_config(config.value, catalog());
  require(dump_json(complete_config(whole, catalog())) == dump_json(whole), "completing twice changes nothing");
  if (const Value* links = config.value.find("link")) apply_links(whole, *links, config.value);
  read_all(config, whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::clock_t start = std::clock();
  try {
    try_config({reinterpret_cast<const char*>(data), size});
  } catch (const Error& error) {
    require(error.what()[0] != '\0', "an error says something");
  }
  require(std::clock() - start < CLOCKS_PER_SEC, "a configuration takes less than a second of processor time");
  return 0;
}
