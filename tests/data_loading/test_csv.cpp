#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "datasets.h"
#include "levin/framework/data/csv_dataset.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::testing;

namespace {

/// A file for one test, removed at its end.
class File {
 public:
  explicit File(const std::string& text)
      : path_((std::filesystem::temp_directory_path() /
               ("levin_csv_" + std::to_string(::getpid()) + ".csv"))
                  .string()) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("the digits are read as features and labels") {
  const CsvDataset digits(LEVIN_SOURCE_DIR "/data/digits.csv",
                          {.target = "digit", .scale = 1.0 / 16});
  CHECK(digits.size() == 1797);
  CHECK(digits.columns().size() == 65);
  CHECK(digits.feature_names().front() == "p0");
  CHECK(digits.feature_names().back() == "p63");
  const at::Tensor &x = digits.tensors()[0], &y = digits.tensors()[1];
  CHECK(x.sizes() == at::IntArrayRef({1797, 64}));
  CHECK(x.scalar_type() == at::kFloat);
  CHECK(y.sizes() == at::IntArrayRef({1797}));
  CHECK(y.scalar_type() == at::kLong);
  CHECK(x[0][2].item<float>() == 5.0f / 16);
  CHECK(x.max().item<float>() == 1.0f);
  CHECK(values(y.slice(0, 0, 3)) == std::vector<double>{0, 1, 2});
  CHECK(y.min().item<int64_t>() == 0);
  CHECK(y.max().item<int64_t>() == 9);
}

TEST_CASE("cells are read as RFC 4180 has them") {
  struct Row {
    const char* text;
    std::vector<std::string> columns;
    std::vector<double> features;
  };
  const Row table[] = {
      {"a,b\n1,2\n3,4\n", {"a", "b"}, {1, 2, 3, 4}},
      {"a,b\r\n1,2\r\n3,4", {"a", "b"}, {1, 2, 3, 4}},
      {"\xEF\xBB\xBF"
       "a,b\n1,2\n\n\n",
       {"a", "b"},
       {1, 2}},
      {"\"a\",\"b\"\n\"1\",2\r\n3,\"4\"\n", {"a", "b"}, {1, 2, 3, 4}},
      {"\"a,\"\"x\"\"\nmore\",b\n1,2\n", {"a,\"x\"\nmore", "b"}, {1, 2}},
      {"a\n 1.5 \n-2e-3\n+3\n", {"a"}, {1.5, -0.002, 3}},
      {"a, b\n1, 2\n", {"a", "b"}, {1, 2}},
      {"a,b\n", {"a", "b"}, {}},
  };
  for (const auto& [text, columns, features] : table) {
    CAPTURE(text);
    const File file(text);
    const CsvData data = read_csv(file.path());
    CHECK(data.columns == columns);
    CHECK(data.feature_names == columns);
    CHECK(data.features.size(1) == static_cast<std::int64_t>(columns.size()));
    const auto read = values(data.features);
    REQUIRE(read.size() == features.size());
    for (std::size_t i = 0; i < read.size(); ++i) CHECK(read[i] == static_cast<float>(features[i]));
    CHECK_FALSE(data.target.defined());
  }
}

TEST_CASE("columns are picked by name, and the others may hold text") {
  const File file("name;x;y;label\nAda;1;2;7\n\"Grace; H.\";3;4;9223372036854775807\n");
  const CsvData data = read_csv(
      file.path(), {.features = {"y", "x"}, .target = "label", .scale = 2, .delimiter = ";"});
  CHECK(values(data.features) == std::vector<double>{4, 2, 8, 6});
  CHECK(data.feature_names == std::vector<std::string>{"y", "x"});
  CHECK(data.target[1].item<int64_t>() == INT64_MAX);
  const CsvData real = read_csv(
      file.path(), {.features = {"x"}, .target = "y", .target_dtype = "float32", .delimiter = ";"});
  CHECK(real.target.scalar_type() == at::kFloat);
  CHECK(values(real.target) == std::vector<double>{2, 4});
}

TEST_CASE("a file that is not as it should be is an error that names the place") {
  struct Row {
    const char* text;
    CsvOptions options;
    const char* message;  // after the path
  };
  const Row table[] = {
      {"a,p3\n1,2\n3,abc\n", {}, ", line 3, column 'p3': expected a number, got 'abc'"},
      {"a,p3\n1,2\n3,\n", {}, ", line 3, column 'p3': expected a number, got ''"},
      {"a,p3\n1,2x\n", {}, ", line 2, column 'p3': expected a number, got '2x'"},
      {"a,b\n1,1.5\n", {.target = "b"}, ", line 2, column 'b': expected a whole number, got '1.5'"},
      {"a,b\n\"1\n\",2\n1,z\n",
       {.features = {"b"}},
       ", line 4, column 'b': expected a number, got 'z'"},
      {"a,b\n1,2\n1\n", {}, ", line 3: expected 2 cells as in the header, got 1"},
      {"a,b\n1,2,3\n", {}, ", line 2: expected 2 cells as in the header, got 3"},
      {"a,b\n1,2\n\n1,2\n", {}, ", line 3: expected 2 cells as in the header, got 1"},
      {"a,b\n1,\"2\n", {}, ", line 2: a quote is never closed"},
      {"a,b\n1,\"2\"3\n", {}, ", line 2: unexpected text after a closing quote"},
      {"a,a\n1,2\n", {}, ", line 1: the column 'a' is there twice"},
      {"", {}, ": the file is empty; expected a header row with the columns' names"},
      {"\n\n", {}, ": the file is empty; expected a header row with the columns' names"},
  };
  for (const auto& [text, options, message] : table) {
    CAPTURE(text);
    const File file(text);
    CHECK_THROWS_AS(read_csv(file.path(), options), ValueError);
    CHECK_THROWS_WITH(read_csv(file.path(), options), file.path() + message);
  }
}

TEST_CASE("a missing file, an unknown column and bad options say so") {
  CHECK_THROWS_AS(read_csv("no/such/file.csv"), FileNotFoundError);
  CHECK_THROWS_WITH(read_csv("no/such/file.csv"), "no/such/file.csv: No such file or directory");
  const File file("width,height\n1,2\n");
  CHECK_THROWS_AS(read_csv(file.path(), {.target = "heigth"}), KeyError);
  CHECK_THROWS_WITH(read_csv(file.path(), {.target = "heigth"}),
                    file.path() + ": there is no column 'heigth'; did you mean 'height'?");
  CHECK_THROWS_WITH(read_csv(file.path(), {.features = {"colour"}}),
                    file.path() + ": there is no column 'colour'; there are width, height");
  CHECK_THROWS_WITH(read_csv(file.path(), {.delimiter = ";;"}),
                    "delimiter: expected one character such as ',' or ';', got ';;'");
  CHECK_THROWS_WITH(read_csv(file.path(), {.target_dtype = "int"}),
                    "target_dtype: expected 'int64' or 'float32', got 'int'");
}
