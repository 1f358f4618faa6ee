#include <algorithm>
#include <set>

#include "datasets.h"
#include "levin/framework/data/distributed_sampler.h"
#include "levin/framework/data/subset.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::testing;
using Indices = std::vector<std::int64_t>;

TEST_CASE("a DistributedSampler shares an order out as torch's does") {
  struct Row {
    std::int64_t size, replicas;
    bool drop_last, pad;
    std::vector<Indices> shares;
  };
  const Row table[] = {
      {6, 2, false, true, {{0, 2, 4}, {1, 3, 5}}},
      {5, 2, false, true, {{0, 2, 4}, {1, 3, 0}}},
      {5, 2, true, true, {{0, 2}, {1, 3}}},
      {5, 2, false, false, {{0, 2, 4}, {1, 3}}},
      {2, 5, false, true, {{0}, {1}, {0}, {1}, {0}}},
      {2, 5, true, true, {{}, {}, {}, {}, {}}},
      {0, 2, false, true, {{}, {}}},
      {3, 1, false, true, {{0, 1, 2}}},
  };
  for (const auto& [size, replicas, drop_last, pad, shares] : table) {
    for (std::int64_t rank = 0; rank < replicas; ++rank) {
      CAPTURE(size, replicas, drop_last, pad, rank);
      const DistributedSampler sampler(size, {.num_replicas = replicas,
                                              .rank = rank,
                                              .shuffle = false,
                                              .drop_last = drop_last,
                                              .pad = pad});
      const Indices& expected = shares[static_cast<std::size_t>(rank)];
      CHECK(sampler.indices(3) == expected);
      CHECK(sampler.size() == static_cast<std::int64_t>(expected.size()));
      CHECK(sampler.is_distributed());
      CHECK_FALSE(sampler.shuffles());
    }
  }
}

TEST_CASE("the ranks' shuffled shares make up the dataset, in a new order every epoch") {
  for (const std::int64_t epoch : {0, 1}) {
    std::set<std::int64_t> seen;
    for (std::int64_t rank = 0; rank < 3; ++rank) {
      const DistributedSampler sampler(std::make_shared<RandomSampler>(31, 4),
                                       {.num_replicas = 3, .rank = rank});
      CHECK(sampler.shuffles());
      const Indices share = sampler.indices(epoch);
      CHECK(share.size() == 11);
      seen.insert(share.begin(), share.end());
      CHECK(share != sampler.indices(epoch + 1));
      CHECK(sampler.with_seed(5)->indices(epoch) ==
            DistributedSampler(31, {.num_replicas = 3, .rank = rank, .seed = 5}).indices(epoch));
    }
    CHECK(seen.size() == 31);
  }
  CHECK_THROWS_WITH(DistributedSampler(4, {.num_replicas = 2, .rank = 2}),
                    "Invalid rank 2, rank should be in the interval [0, 1]");
  CHECK_THROWS_AS(DistributedSampler(4, {.num_replicas = 0}), ValueError);
}

TEST_CASE("fractions become lengths by torch's rule") {
  struct Row {
    std::int64_t size;
    std::vector<double> fractions;
    Indices lengths;
  };
  const Row table[] = {
      {10, {0.8, 0.2}, {8, 2}},
      {10, {0.3, 0.3, 0.4}, {3, 3, 4}},
      {11, {0.5, 0.5}, {6, 5}},
      {10, {0.33, 0.33, 0.34}, {4, 3, 3}},
      {1797, {0.7, 0.2, 0.1}, {1258, 360, 179}},
      {3, {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, {1, 1, 1, 0, 0, 0, 0, 0, 0, 0}},
      {5, {1.0}, {5}},
      {0, {0.5, 0.5}, {0, 0}},
  };
  for (const auto& [size, fractions, lengths] : table)
    CHECK(split_lengths(size, fractions) == lengths);
  CHECK_THROWS_WITH(split_lengths(10, {1.5, -0.5}), "Fraction at index 0 is not between 0 and 1");
  for (const std::vector<double>& wrong :
       {std::vector<double>{0.5, 0.4}, {0.6, 0.5}, {}, {std::nan("")}})
    CHECK_THROWS_AS(split_lengths(10, wrong), ValueError);
}

TEST_CASE("a random split covers the dataset once and depends on the seed alone") {
  const auto dataset = std::make_shared<Numbers>(50);
  const auto parts = random_split(dataset, {0.5, 0.3, 0.2}, 1);
  REQUIRE(parts.size() == 3);
  Indices all;
  for (const Subset& part : parts)
    all.insert(all.end(), part.indices().begin(), part.indices().end());
  CHECK(parts[0].size() == 25);
  CHECK(parts[2].size() == 10);
  CHECK(random_split(dataset, {25, 15, 10}, 1)[1].indices() == parts[1].indices());
  CHECK(random_split(dataset, {0.5, 0.3, 0.2}, 2)[1].indices() != parts[1].indices());
  CHECK_FALSE(std::is_sorted(all.begin(), all.end()));
  std::sort(all.begin(), all.end());
  CHECK(all == SequentialSampler(50).indices(0));
  CHECK_THROWS_WITH(random_split(dataset, {25, 24}),
                    "Sum of input lengths does not equal the length of the input dataset!");
}

TEST_CASE("a sample of a subset is the sample of the whole, its randomness included") {
  const auto dataset = std::make_shared<Numbers>(9, /*with_noise=*/true);
  const Subset subset(dataset, {7, 2, 4});
  const Indices inner{1, 0}, outer{2, 7};
  const SampleSeeds seeds{3, 5};
  CHECK(values(subset.get_batch(inner, seeds)) == values(dataset->get_batch(outer, seeds)));
  CHECK_THROWS_AS(subset.get_batch(outer, seeds), ValueError);
  CHECK_THROWS_AS(Subset(dataset, {9}), ValueError);
}
