#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "levin/framework/base/display_width.h"
#include "levin/framework/base/progress_line.h"
#include "support/catch.h"

using namespace levin;

namespace {

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> out;
  std::size_t start = 0;
  for (std::size_t at; (at = line.find(separator, start)) != std::string::npos; start = at + 1)
    out.push_back(line.substr(start, at - start));
  out.push_back(line.substr(start));
  return out;
}

ProgressState state_of(const std::vector<std::string>& cells) {
  ProgressState state;
  state.format = cells[0] == "tqdm" ? ProgressFormat::tqdm : ProgressFormat::lightning;
  state.description = cells[1];
  state.done = std::stoll(cells[2]);
  if (cells[3] != "-") state.total = std::stoll(cells[3]);
  state.elapsed = std::stod(cells[4]);
  if (cells[5].empty()) return state;
  for (const auto& pair : split(cells[5], ';')) {
    const auto equals = pair.find('=');
    state.postfix.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return state;
}

const std::string kSamples = LEVIN_SOURCE_DIR "/tests/data/progress_line/";

}  // namespace

TEST_CASE("progress lines are tqdm's at every width") {
  std::ifstream file(kSamples + "lines.tsv");
  REQUIRE(file);
  int rows = 0;
  for (std::string row; std::getline(file, row); ++rows) {
    const auto cells = split(row, '\t');
    REQUIRE(cells.size() == 8);
    INFO(row);
    const int columns = std::stoi(cells[6]);
    const std::string line = progress_line(state_of(cells), columns);
    CHECK(line == cells[7]);
    if (columns > 0) CHECK(display_width(line) <= columns);
  }
  CHECK(rows > 400);
}

TEST_CASE("numbers in a progress bar are Lightning's") {
  std::ifstream file(kSamples + "numbers.tsv");
  REQUIRE(file);
  int rows = 0;
  for (std::string row; std::getline(file, row); ++rows) {
    const auto cells = split(row, '\t');
    INFO(row);
    CHECK(progress_number(std::strtod(cells[0].c_str(), nullptr)) == cells[1]);
  }
  CHECK(rows > 40);
}

TEST_CASE("blanks around a postfix value are dropped") {
  ProgressState state{"Epoch 0", 1, 2, 1.0, {{"lr", "  1e-3 \n"}}};
  CHECK(progress_line(state, 0) == "Epoch 0:  50%|█████     | 1/2 [00:01<00:01,  1.00it/s, lr=1e-3]");
}

TEST_CASE("times are MM:SS and from an hour on H:MM:SS") {
  CHECK(clock_time(0.999) == "00:00");
  CHECK(clock_time(61) == "01:01");
  CHECK(clock_time(3600) == "1:00:00");
  CHECK(clock_time(360061.5) == "100:01:01");
  CHECK(clock_time(-61) == "-01:01");
  CHECK(clock_time(-0.5) == "00:00");
}
