// Whatever ends a run, what was logged before is in the files; a kill -9 may cost what was not yet saved.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "levin/framework/base/json.h"
#include "support/catch.h"
#include "support/run_program.h"
#include "support/temporary_folder.h"

namespace {

std::vector<std::string> lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) out.push_back(line);
  return out;
}

std::vector<std::string> cells(std::string line) {
  CHECK(line.ends_with("\r"));
  line.back() = ',';
  std::vector<std::string> out;
  std::istringstream text(line);
  for (std::string cell; std::getline(text, cell, ',');) out.push_back(cell);
  return out;
}

// How many of the steps 0, 1, ... have a row of training metrics.
std::int64_t steps_in_csv(const std::string& path) {
  const auto all = lines(path);
  REQUIRE(all.size() > 1);
  const auto header = cells(all[0]);
  const auto column = [&](const char* name) { return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin()); };
  std::int64_t steps = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto row = cells(all[i]);
    REQUIRE(row.size() == header.size());
    if (row.at(column("loss_step")) != "" && row.at(column("step")) == std::to_string(steps)) ++steps;
  }
  return steps;
}

std::int64_t steps_in_jsonl(const std::string& path, std::string& last) {
  std::int64_t steps = 0;
  for (const std::string& line : lines(path)) {
    const levin::Value event = levin::parse_json(line, path);
    last = event.at("event").as_string();
    if (last != "metrics" || !event.at("values").contains("loss_step")) continue;
    CHECK(event.at("step").as_int() == steps);
    ++steps;
  }
  return steps;
}

}  // namespace

TEST_CASE("a run that ends early loses no logged line") {
  struct Row {
    const char* ending;
    int exit_code;
    std::int64_t least;
  };
  const Row rows[] = {{"success", 0, 120}, {"exit", 3, 100}, {"throw", 1, 100}, {"term", 143, 101}, {"int", 130, 101}, {"kill", 137, 50}};
  for (const Row& row : rows) {
    INFO(row.ending);
    const TemporaryFolder folder;
    const Ran ran = run_program(std::string(LEVIN_BINARY_DIR) + "/bin/log_run '" + folder.path() + "' " + row.ending);
    INFO(ran.output);
    CHECK(ran.exit_code == row.exit_code);
    std::string last;
    const std::int64_t in_csv = steps_in_csv(folder / "csv/version_0/metrics.csv");
    const std::int64_t in_jsonl = steps_in_jsonl(folder / "jsonl/version_0/events.jsonl", last);
    CHECK(in_csv >= row.least);
    CHECK(in_jsonl >= row.least);
    if (row.exit_code != 137) CHECK(in_csv == row.least);
    if (row.exit_code != 137 && row.exit_code != 3) CHECK(last == "end");
    CHECK(std::filesystem::exists(folder / "csv/version_0/hparams.yaml"));
  }
}
