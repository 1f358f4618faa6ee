// Against what torch 2.11 printed: tests/data/tensor_text/make_samples.py.
#include <cmath>
#include <fstream>
#include <sstream>

#include "codec_support.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/element.h"
#include "levin/framework/base/inspect/tensor_text.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;

namespace {

struct Sample {
  std::string name, min, max, mean, deviation, text;
  std::int64_t nans = 0, infinities = 0, zeros = 0;
};

const std::string folder = std::string(LEVIN_SOURCE_DIR) + "/tests/data/tensor_text/";

std::vector<Sample> samples() {
  std::ifstream file(folder + "samples.txt");
  std::vector<Sample> out;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("= ")) {
      Sample& s = out.emplace_back();
      std::istringstream(line.substr(2)) >> s.name >> s.min >> s.max >> s.mean >> s.deviation >> s.nans >> s.infinities >> s.zeros;
    } else {
      out.back().text += (out.back().text.empty() ? "" : "\n") + line;
    }
  }
  return out;
}

void near(double ours, const std::string& theirs) {
  const double expected = std::stod(theirs);
  if (std::isnan(expected)) CHECK(std::isnan(ours));
  else CHECK(ours == Approx(expected).epsilon(1e-12).margin(1e-10));
}

}  // namespace

TEST_CASE("tensors are printed as torch prints them") {
  const Value tensors = read_archive(folder + "samples.ckpt");
  REQUIRE(samples().size() == tensors.size());
  for (const Sample& sample : samples()) {
    INFO(sample.name);
    CHECK(tensor_text(tensors.at(sample.name).as_tensor()) == sample.text);
  }
}

TEST_CASE("tensors are counted as torch counts them") {
  const Value tensors = read_archive(folder + "samples.ckpt");
  for (const Sample& sample : samples()) {
    INFO(sample.name);
    const TensorStatistics s = tensor_statistics(tensors.at(sample.name).as_tensor());
    CHECK((s.min.empty() ? "-" : s.min) == sample.min);
    CHECK((s.max.empty() ? "-" : s.max) == sample.max);
    near(s.mean, sample.mean);
    near(s.standard_deviation, sample.deviation);
    CHECK(s.nans == sample.nans);
    CHECK(s.infinities == sample.infinities);
    CHECK(s.zeros == sample.zeros);
  }
}

TEST_CASE("a view that claims 2^40 elements is neither walked nor spelt out") {
  TensorRef t = floats({2});
  t.sizes = {std::int64_t{1} << 40}, t.strides = {0};
  CHECK(tensor_text(t) == "tensor([2., 2., 2.,  ..., 2., 2., 2.])");
  CHECK_THROWS_AS(tensor_statistics(t), ValueError);
  t.sizes.assign(20, 6), t.strides.assign(20, 0);
  CHECK_THROWS_AS(tensor_text(t), ValueError);
  t.sizes.assign(64, std::int64_t{1} << 40), t.strides.assign(64, 0);
  CHECK_FALSE(is_walkable(t));
}
