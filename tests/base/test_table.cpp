#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/table.h"
#include "support/catch.h"

using namespace levin;

namespace {

const std::string kSamples = LEVIN_SOURCE_DIR "/tests/data/table/";

std::string read(const std::string& name) {
  std::ifstream file(kSamples + name, std::ios::binary);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the model summary is laid out as Lightning's") {
  CHECK(summary_table({{"embedding", "Embedding", 1234, true, 0, "", ""},
                       {"head", "Linear", 2000000, false, 4000000, "", ""}},
                      {1234, 2001234, 8.004936, 1, 1, 4000000}) == read("summary_plain.txt"));
  CHECK(summary_table({{"net", "Sequential", 12, true, 345, "[32, 64]", "[32, 10]"},
                       {"net.0", "Linear", 0, true, 0, "?", "?"}},
                      {19, 19, 1234.5, 12, 0, 345, 7}) == read("summary_sizes.txt"));
  CHECK(summary_table({}, {}) == read("summary_empty.txt"));
}

TEST_CASE("names wider than their letters keep the summary's columns aligned") {
  const std::string table = summary_table({{"損失", "L", 1, true, 0, "", ""}, {"abcd", "L", 1, true, 0, "", ""}}, {});
  CHECK(table.find("\n0 | 損失 | L    |") != std::string::npos);
  CHECK(table.find("\n1 | abcd | L    |") != std::string::npos);
}

TEST_CASE("counts are abbreviated as Lightning's") {
  std::istringstream lines(read("counts.tsv"));
  int rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    const auto tab = line.find('\t');
    CHECK(human_readable_count(std::stoll(line)) == line.substr(tab + 1));
  }
  CHECK(rows == 30);
  CHECK_THROWS_AS(human_readable_count(-1), ValueError);
}

TEST_CASE("the table of results is Lightning's at every width") {
  std::vector<LoaderResults> many;
  for (int i = 0; i < 11; ++i) many.push_back({{"acc/dataloader_idx_" + std::to_string(i), i / 8.0}});
  struct {
    const char* name;
    const char* stage;
    std::vector<LoaderResults> loaders;
  } const cases[] = {
      {"one", "test", {{{"test_loss", 0.25}, {"test_acc", 1.0}}}},
      {"two", "validate",
       {{{"loss/dataloader_idx_0", 0.1}, {"only_first/dataloader_idx_0", 1e-7}}, {{"loss/dataloader_idx_1", 0.2}}}},
      {"many", "test", many},
      {"long", "test", {{{"a_metric_with_quite_a_long_name_that_does_not_fit", 2.5}, {"b", std::nan("")}}}},
  };
  for (const auto& c : cases) {
    for (int width : {40, 80, 121}) {
      INFO(c.name << " at " << width);
      const std::string sample = std::string("results_") + c.name + "_" + std::to_string(width) + ".txt";
      CHECK(results_table(c.stage, c.loaders, width) + "\n" == read(sample));
    }
  }
}

TEST_CASE("results without a metric print nothing, and an unknown width counts as 120") {
  CHECK(results_table("test", {}, 80) == "");
  CHECK(results_table("test", {{}, {}}, 80) == "");
  CHECK(results_table("test", {{{"a", 1.0}}}, 0) == results_table("test", {{{"a", 1.0}}}, 120));
}

TEST_CASE("a long name with several loaders ends in a row without values") {
  const std::string name(25, 'n');
  const std::string table = results_table("test", {{{name, 1.5}}, {{name, 2.5}}}, 40);
  CHECK(table.find(std::string(20, 'n') + "        1.5\n") != std::string::npos);
  CHECK(table.find("\n       nnnnn\n") != std::string::npos);
}
