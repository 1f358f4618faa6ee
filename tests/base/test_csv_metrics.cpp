#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "levin/framework/base/csv_metrics.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;

namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void add(CsvMetricsWriter& writer, std::vector<Metric> cells, std::int64_t step) {
  writer.add(cells, step);
}

const double kInf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("metrics.csv is what Lightning writes, byte for byte") {
  const TemporaryFolder folder;
  CsvMetricsWriter writer(folder / "a/b/metrics.csv");
  const std::string samples = LEVIN_SOURCE_DIR "/tests/data/csv_metrics/";
  add(writer, {{"train_loss", 0.5}, {"epoch", 0, true}}, 49);
  add(writer, {{"train_loss", 1.0 / 3}, {"epoch", 0, true}}, 99);
  writer.flush();
  CHECK(read(writer.path()) == read(samples + "flush1.csv"));

  add(writer, {{"epoch", 0, true}, {"val_loss", 0.1}, {"lr-SGD", 1e-3}}, 99);
  add(writer,
      {{"epoch", 1, true}, {"a,b", std::nan("")}, {"q\"x", kInf}, {"zebra\n", -kInf}}, 100);
  writer.flush();
  CHECK(read(writer.path()) == read(samples + "flush2.csv"));

  add(writer, {{"train_loss", 1e-7}, {"zebra\n", 1e22}, {"epoch", 2, true}}, 150);
  add(writer,
      {{"train_loss", 1e16}, {"zebra\n", -0.0}, {"epoch", 2, true}, {"val_loss", 123456789.125}},
      151);
  add(writer, {}, 152);
  writer.flush();
  CHECK(read(writer.path()) == read(samples + "flush3.csv"));

  add(writer, {{"métrique", 1.5}, {"Zoo", 2}, {"epoch", 2.0, false}}, 153);
  writer.flush();
  CHECK(read(writer.path()) == read(samples + "flush4.csv"));
  CHECK_FALSE(std::filesystem::exists(writer.path() + ".tmp"));
}

TEST_CASE("a flush without rows makes no file") {
  const TemporaryFolder folder;
  CsvMetricsWriter writer(folder / "metrics.csv");
  writer.flush();
  CHECK_FALSE(std::filesystem::exists(writer.path()));
}

TEST_CASE("an earlier run's metrics.csv is replaced, by the first rows and not before") {
  const TemporaryFolder folder;
  std::ofstream(folder / "metrics.csv") << "old";
  CsvMetricsWriter writer(folder / "metrics.csv");
  add(writer, {{"loss", 1}}, 0);
  CHECK(read(writer.path()) == "old");
  writer.flush();
  CHECK(read(writer.path()) == "loss,step\r\n1.0,0\r\n");
}

TEST_CASE("rows without new names are appended to the same file, others replace it") {
  const TemporaryFolder folder;
  CsvMetricsWriter writer(folder / "metrics.csv");
  const auto inode = [&] {
    struct stat info {};
    REQUIRE(::stat(writer.path().c_str(), &info) == 0);
    return info.st_ino;
  };
  add(writer, {{"loss", 1}}, 0);
  writer.flush();
  const auto first = inode();
  std::filesystem::create_hard_link(writer.path(), folder / "seen");
  add(writer, {{"loss", 2}}, 1);
  writer.flush();
  CHECK(inode() == first);
  add(writer, {{"accuracy", 2}}, 1);
  writer.flush();
  CHECK(inode() != first);
  CHECK(read(folder / "seen") == "loss,step\r\n1.0,0\r\n2.0,1\r\n");
}

TEST_CASE("a cell named step gives way to the step, and the last of two equal names counts") {
  const TemporaryFolder folder;
  CsvMetricsWriter writer(folder / "metrics.csv");
  add(writer, {{"step", 7.5}, {"loss", 1}, {"loss", 2}}, 3);
  writer.flush();
  CHECK(read(writer.path()) == "loss,step\r\n2.0,3\r\n");
}

TEST_CASE("rows survive a flush that fails, and the error names the file and the reason") {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics.csv";
  CsvMetricsWriter writer(path);
  std::filesystem::create_directory(path);
  add(writer, {{"loss", 1}}, 0);
  CHECK_THROWS_AS(writer.flush(), OSError);
  CHECK_THROWS_WITH(writer.flush(), Catch::Contains(path) && Catch::Contains("Is a directory"));
  std::filesystem::remove(path);
  writer.flush();
  CHECK(read(path) == "loss,step\r\n1.0,0\r\n");
}

TEST_CASE("a file that vanished is begun again with its header") {
  const TemporaryFolder folder;
  CsvMetricsWriter writer(folder / "metrics.csv");
  add(writer, {{"loss", 1}}, 0);
  writer.flush();
  std::filesystem::remove(writer.path());
  add(writer, {{"loss", 2}}, 1);
  writer.flush();
  CHECK(read(writer.path()) == "loss,step\r\n2.0,1\r\n");
}

TEST_CASE("an append that fits only in part is taken back and written again later") {
  const TemporaryFolder folder;
  CsvMetricsWriter writer(folder / "metrics.csv");
  add(writer, {{"loss", 1}}, 0);
  writer.flush();
  const std::string before = read(writer.path());
  add(writer, {{"loss", 0.125}}, 1);
  {
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{before.size() + 4, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    std::string message;
    try {
      writer.flush();
    } catch (const OSError& error) {
      message = error.what();
    }
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    CHECK_THAT(message, Catch::Contains("No space left on device"));
    CHECK(read(writer.path()) == before);
  }
  writer.flush();
  CHECK(read(writer.path()) == before + "0.125,1\r\n");
}
