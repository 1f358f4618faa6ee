#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "support/catch.h"

using namespace levin;

namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> out;
  std::size_t start = 0;
  for (std::size_t tab; (tab = line.find('\t', start)) != std::string::npos; start = tab + 1)
    out.push_back(line.substr(start, tab - start));
  out.push_back(line.substr(start));
  return out;
}

std::string outcome_of(const FormatArgument& value, const std::string& spec) {
  try {
    return "ok\t" + python_format(value, spec);
  } catch (const ValueError& error) {
    return std::string("ValueError\t") + error.what();
  }
}

}  // namespace

TEST_CASE("numbers are formatted as Python formats them") {
  std::ifstream file(LEVIN_SOURCE_DIR "/tests/data/python_format.tsv");
  REQUIRE(file);
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const auto cells = split(line);
    REQUIRE(cells.size() == 5);
    FormatArgument value = std::strtod(cells[1].c_str(), nullptr);
    if (cells[0] == "int")
      value = static_cast<std::int64_t>(std::strtoll(cells[1].c_str(), nullptr, 10));
    INFO(cells[0] << " " << cells[1] << " with spec '" << cells[2] << "'");
    CHECK(outcome_of(value, cells[2]) == cells[3] + "\t" + cells[4]);
  }
  CHECK(rows > 1000);
}

TEST_CASE("a code for integers on a float fails with Python's words") {
  CHECK_THROWS_WITH(python_format(0.5, "d"), "Unknown format code 'd' for object of type 'float'");
  CHECK_THROWS_AS(python_format(0.5, "d"), ValueError);
}

TEST_CASE("a width that no memory holds is refused") {
  CHECK_THROWS_WITH(python_format(0.5, "99999999999999999999f"),
                    "Too many decimal digits in format string");
  CHECK_THROWS_WITH(python_format(0.5, ".99999999f"), "Too many decimal digits in format string");
  CHECK(python_format(0.5, ".2000f").size() == 2002);
}
