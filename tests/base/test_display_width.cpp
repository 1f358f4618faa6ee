#include <cstdlib>
#include <fstream>
#include <string>

#include "levin/framework/base/display_width.h"
#include "support/catch.h"

using namespace levin;

namespace {

std::string from_hex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out += static_cast<char>(std::strtol(hex.substr(i, 2).c_str(), nullptr, 16));
  return out;
}

}  // namespace

TEST_CASE("the width of text follows Unicode's data") {
  std::ifstream file(LEVIN_SOURCE_DIR "/tests/data/display_width/samples.tsv");
  REQUIRE(file);
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const auto tab = line.find('\t');
    INFO("UTF-8 bytes " << line.substr(0, tab));
    CHECK(display_width(from_hex(line.substr(0, tab))) == std::stoi(line.substr(tab + 1)));
  }
  CHECK(rows > 1000);
}

TEST_CASE("escape sequences take no columns, bytes that are no UTF-8 take one each") {
  CHECK(display_width("\x1b[31mred\x1b[0m") == 3);
  CHECK(display_width("\x1b[") == 1);
  CHECK(display_width("\xff\xfe") == 2);
  CHECK(display_width("a\xe2\x96") == 3);
  CHECK(display_width("\xc3(") == 2);
}

TEST_CASE("text is cut between characters") {
  CHECK(fit_to_width("loss", 3) == "los");
  CHECK(fit_to_width("loss", 4) == "loss");
  CHECK(fit_to_width("loss", 0) == "");
  CHECK(fit_to_width("損失", 3) == "損");
  CHECK(fit_to_width("e\u0301x", 1) == "e\u0301");
  CHECK(fit_to_width("", 5) == "");
}

TEST_CASE("text is padded and centered by columns") {
  CHECK(pad_to_width("損失", 6) == "損失  ");
  CHECK(pad_to_width("loss", 2) == "loss");
  CHECK(center_in_width("abc", 6) == " abc  ");
  CHECK(center_in_width("損", 5) == " 損  ");
}
