#include "levin/framework/base/display_width.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/rich_line.h"
#include "levin/framework/base/rich_style.h"
#include "support/catch.h"

using namespace levin;

TEST_CASE("a plain line has the parts of rich's, in its order") {
  struct Row {
    RichState state;
    std::string line;
  };
  const auto blanks = [](std::size_t n) { return std::string(n, ' '); };
  const auto bars = [](int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += "━";
    return out;
  };
  const Row rows[] = {
      {{"Epoch 0/9 ", 0, 64, 0, ""}, "Epoch 0/9  " + blanks(40) + " 0/64 0:00:00 • -:--:-- 0.00it/s"},
      {{"Epoch 0/9 ", 32, 64, 2, "v_num: 0.000 loss: 0.500"},
       "Epoch 0/9  " + bars(20) + blanks(20) + " 32/64 0:00:02 • 0:00:02 16.00it/s v_num: 0.000 loss: 0.500"},
      {{"Epoch 0/9 ", 1, 80, 1, ""}, "Epoch 0/9  ╸" + blanks(39) + " 1/80 0:00:01 • 0:01:19 1.00it/s"},
      {{"Testing", 64, 64, 3661, ""}, "Testing " + bars(40) + " 64/64 1:01:01 • 0:00:00 0.02it/s"},
      {{"Testing", 5, std::nullopt, 1, ""}, "Testing " + blanks(40) + " 5/-- 0:00:01 • -:--:-- 5.00it/s"},
  };
  for (const Row& row : rows) CHECK(rich_line(row.state, {}, 0) == row.line);
}

TEST_CASE("the bar narrows first, then the line is cut, and it never exceeds the terminal") {
  const RichState state{"Epoch 0/9 ", 32, 64, 2, "loss: 0.500 名前: 1.000"};
  RichStyles styles;
  styles.progress_bar = rich_style("#6206E0");
  styles.background = rich_style("grey23");
  styles.metrics = rich_style("italic");
  for (int columns = 1; columns <= 150; ++columns) {
    INFO(columns);
    const std::string line = rich_line(state, styles, columns);
    CHECK(display_width(line) <= columns);
    if (columns >= 110) CHECK(display_width(line) == display_width(rich_line(state, {}, 0)));
    CHECK((line.find('\x1b') == line.npos || line.ends_with("\x1b[0m")));
  }
}

TEST_CASE("styles are spelt as in rich") {
  const std::pair<const char*, const char*> rows[] = {
      {"", ""},
      {"none", ""},
      {"dim underline", "\x1b[2;4m"},
      {"#6206E0", "\x1b[38;2;98;6;224m"},
      {"bold red on white", "\x1b[1;31;47m"},
      {"Bright_Green", "\x1b[92m"},
      {"on #000102", "\x1b[48;2;0;1;2m"},
      {"grey23", "\x1b[38;5;237m"},
  };
  for (const auto& [style, code] : rows) CHECK(rich_style(style) == code);
  for (const char* bad : {"purplish", "bold on", "#12345", "on bold"}) CHECK_THROWS_AS(rich_style(bad), ValueError);
  CHECK_THROWS_WITH(rich_style("bold purplish"), Catch::Contains("'purplish' is neither an attribute"));
}
