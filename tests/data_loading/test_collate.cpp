#include <cstdlib>
#include <string>

#include "datasets.h"
#include "levin/framework/data/collate.h"
#include "levin/framework/data/seed.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::testing;

namespace {
Batch sample(double x, const char* name) {
  return Batch::Dict{{"x", at::full({2}, x)},
                     {"more", Batch::List{at::full({}, -x), Batch::any(std::string(name))}},
                     {"none", Batch()}};
}
}  // namespace

TEST_CASE("nested samples are collated item by item") {
  const std::vector<Batch> samples{sample(1, "one"), sample(2, "two"), sample(3, "three")};
  const Batch batch = collate(samples);
  CHECK(batch["x"].tensor().sizes() == at::IntArrayRef({3, 2}));
  CHECK(values(batch["x"]) == std::vector<double>{1, 1, 2, 2, 3, 3});
  CHECK(values(batch["more"][0]) == std::vector<double>{-1, -2, -3});
  REQUIRE(batch["more"][1].size() == 3);
  CHECK(batch["more"][1][2].get<std::string>() == "three");
  CHECK(batch["none"].is_none());
  CHECK(batch.batch_size() == 3);
}

TEST_CASE("samples that don't fit together are errors that name the place") {
  struct Row {
    std::vector<Batch> samples;
    const char* message;
  };
  const at::Tensor two = at::zeros(2), three = at::zeros(3);
  const Row table[] = {
      {{two, three},
       "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1"},
      {{Batch::List{two, Batch::Dict{{"a", two}}}, Batch::List{two, Batch::Dict{{"a", three}}}},
       "(in [1]['a'])"},
      {{Batch{two, two}, Batch{two}},
       "each element in list of batch should be of equal size: sample 0 has 2 item(s), "
       "sample 1 has 1"},
      {{two, Batch{two}}, "must have the same structure: sample 0 is a tensor, sample 1 is a list"},
      {{Batch::Dict{{"a", two}}, Batch::Dict{{"b", two}}},
       "sample 1 differs from sample 0, which has 'a'"},
  };
  for (const auto& [samples, message] : table) {
    CHECK_THROWS_AS(collate(samples), RuntimeError);
    CHECK_THROWS_WITH(collate(samples), Catch::Matchers::Contains(message));
  }
  CHECK_THROWS_AS(collate({}), ValueError);
}

TEST_CASE("seed_everything seeds ATen and what takes a seed by default") {
  ::unsetenv("PL_GLOBAL_SEED");
  CHECK_FALSE(global_seed().has_value());
  CHECK(seed_everything() == 0);
  CHECK(seed_everything(42, true) == 42);
  CHECK(global_seed() == 42);
  CHECK(std::string(std::getenv("PL_SEED_WORKERS")) == "1");
  const auto drawn = values(at::rand(5));
  CHECK(seed_everything() == 42);  // of PL_GLOBAL_SEED
  CHECK(values(at::rand(5)) == drawn);
  CHECK(seed_everything(43) == 43);
  CHECK(values(at::rand(5)) != drawn);
  DataLoader by_default(Numbers(30), {.batch_size = 30, .shuffle = true});
  DataLoader by_hand(Numbers(30), {.batch_size = 30, .shuffle = true, .seed = 43});
  CHECK(epoch(by_default) == epoch(by_hand));
  CHECK(seed_everything(4294967295) == 4294967295);
  CHECK_THROWS_WITH(seed_everything(-1), "-1 is not in bounds, numpy accepts from 0 to 4294967295");
  CHECK_THROWS_AS(seed_everything(4294967296), ValueError);
  ::setenv("PL_GLOBAL_SEED", "x1", 1);
  CHECK_THROWS_WITH(seed_everything(),
                    "PL_GLOBAL_SEED: expected a whole number from 0 to 4294967295, got 'x1'");
  ::unsetenv("PL_GLOBAL_SEED");
  ::unsetenv("PL_SEED_WORKERS");
}
