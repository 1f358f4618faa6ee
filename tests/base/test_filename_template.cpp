#include <cmath>
#include <limits>
#include <set>

#include "levin/framework/base/decisions/filename_template.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;

namespace {
const FilenameMetrics kMetrics = {
    {"epoch", std::int64_t{3}},
    {"step", std::int64_t{7}},
    {"epoch_test", std::int64_t{9}},
    {"acc", 0.03},
    {"val_loss", static_cast<double>(0.1f)},
    {"tiny", static_cast<double>(1e-7f)},
    {"val/loss", 0.1},
    {"val/mAP@0.50", 0.25},
    {"bad", std::nan("")},
    {"far", std::numeric_limits<double>::infinity()},
};
}  // namespace

TEST_CASE("a template becomes the name that Lightning gives") {
  struct Row {
    const char *text, *with_names, *without;
  };
  const Row row = GENERATE(
      Row{"", "epoch=3-step=7", "3-7"}, Row{"{epoch:03d}-{acc}", "epoch=003-acc=0.03", "003-0.03"},
      Row{"{val_loss}", "val_loss=0.10000000149011612", "0.10000000149011612"},
      Row{"{tiny}", "tiny=1.0000000116860974e-07", "1.0000000116860974e-07"},
      Row{"{epoch:.2f}", "epoch=3.00", "3.00"}, Row{"{bad}_{far}", "bad=nan_far=inf", "nan_inf"},
      Row{"{val/loss:.2f}/{epoch:03d}", "val/loss=0.10/epoch=003", "0.10/003"},
      Row{"mAP@0.50={val/mAP@0.50:.4f}", "mAP@0.50=val/mAP@0.50=0.2500", "mAP@0.50=0.2500"},
      Row{"x{epoch}{step}", "xepoch=3step=7", "x37"},
      Row{"{epoch}-{epoch_test}-{epoch}", "epoch=3-epoch_test=9-epoch=3", "3-9-3"},
      Row{"{missing}-{gone:.2f}-{away:02d}", "missing=0-gone=0.00-away=00", "0-0.00-00"},
      Row{"plain}}", "plain}", "plain}"}, Row{"{acc:{epoch}}", nullptr, "0.03"},
      Row{"last", "last", "last"});
  FilenameTemplate names{.filename = row.text};
  INFO(row.text);
  if (row.with_names) CHECK(names.format(kMetrics) == std::string(row.with_names) + ".ckpt");
  names.auto_insert_metric_name = false;
  CHECK(names.format(kMetrics) == std::string(row.without) + ".ckpt");
}

TEST_CASE("join and equals characters, prefix, version and extension can be changed") {
  FilenameTemplate names{.filename = "{epoch},{acc:.5f}", .dirpath = "/runs"};
  names.join_char = "@";
  CHECK(names.format(kMetrics, {}, "test") == "/runs/test@epoch=3,acc=0.03000.ckpt");
  names = {.filename = "{epoch:03d}-{acc}", .equals_char = ":"};
  CHECK(names.format(kMetrics) == "epoch:003-acc:0.03.ckpt");
  names = {.filename = "name", .extension = ".tar"};
  CHECK(names.format(kMetrics, 3) == "name-v3.tar");
  CHECK(names.format(kMetrics, {}, "test") == "test-name.tar");
  CHECK(names.format_as("last", kMetrics, 1) == "last-v1.tar");
}

TEST_CASE("a bad format or stray braces are ValueErrors in Python's words") {
  auto format = [](const char* text) {
    return FilenameTemplate{.filename = text}.format(kMetrics);
  };
  CHECK_THROWS_WITH(format("{acc:d}"), "Unknown format code 'd' for object of type 'float'");
  CHECK_THROWS_AS(format("{{x}}"), ValueError);
  CHECK_THROWS_AS(format("{}"), ValueError);
  CHECK_THROWS_WITH(format("a}b"), "Single '}' encountered in format string");
  CHECK_THROWS_WITH(format("a{"), "Single '{' encountered in format string");
  CHECK_THROWS_WITH(format("a{epoch"), "expected '}' before end of string");
  CHECK_THROWS_WITH(format("{epoch:03"), "unmatched '{' in format spec");
}

TEST_CASE("a name may make sub-folders but not leave dirpath") {
  auto format = [](const char* text) {
    return FilenameTemplate{.filename = text, .dirpath = "/runs/a"}.format(kMetrics);
  };
  CHECK(format("x/../{epoch}") == "/runs/a/x/../epoch=3.ckpt");
  CHECK(format("/runs/a/b") == "/runs/a/b.ckpt");
  CHECK(format("..x") == "/runs/a/..x.ckpt");
  for (const char* text : {"../x", "a/../../x", "/runs/ab", "/tmp/x"})
    CHECK_THROWS_AS(format(text), ValueError);
}

TEST_CASE("a taken name gets a version, the file that is replaced gives its name") {
  const FilenameTemplate names{.filename = "m"};
  std::set<std::string> files;
  auto next = [&](std::string_view exempt) {
    return FilenameTemplate::first_free(
        [&](auto version) { return names.format(kMetrics, version); },
        [&](const std::string& path) { return files.count(path) > 0; }, exempt);
  };
  CHECK(next("") == "m.ckpt");
  files = {"m.ckpt", "m-v1.ckpt"};
  CHECK(next("") == "m-v2.ckpt");
  CHECK(next("m-v1.ckpt") == "m-v1.ckpt");
}
