#include "levin/framework/base/decisions/retention.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"

using namespace levin;

namespace {

// Ten epochs of four steps, one file each: which epochs stay?
std::string kept(const std::shared_ptr<const Retention>& rule) {
  std::vector<SavedCheckpoint> files;
  for (std::int64_t epoch = 0; epoch < 10; ++epoch) files.push_back({"f", epoch, 4 * (epoch + 1)});
  std::string out;
  for (std::size_t i = 0; i < files.size(); ++i)
    if (rule->keeps(files, i)) out += std::to_string(files[i].epoch);
  return out;
}

}  // namespace

TEST_CASE("each retention keeps what it says, and together they keep what one of them keeps") {
  CHECK(kept(keep_last(3)) == "789");
  CHECK(kept(keep_last(0)) == "");
  CHECK(kept(keep_last(99)) == "0123456789");
  CHECK(kept(keep_every_n_epochs(4)) == "37");
  CHECK(kept(keep_every_n_epochs(1)) == "0123456789");
  CHECK(kept(keep_every_n_steps(12)) == "258");
  CHECK(kept(keep_any({keep_last(1), keep_every_n_epochs(5)})) == "49");
  CHECK(kept(keep_any({})) == "");
}

TEST_CASE("a retention refuses numbers that make no sense") {
  CHECK_THROWS_AS(keep_last(-1), ValueError);
  CHECK_THROWS_AS(keep_every_n_epochs(0), ValueError);
  CHECK_THROWS_AS(keep_every_n_steps(-2), ValueError);
}
