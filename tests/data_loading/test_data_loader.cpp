#include <algorithm>
#include <memory>

#include "datasets.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::testing;
using Catch::Matchers::Contains;

TEST_CASE("a loader yields the dataset in order, in batches") {
  DataLoader loader(TensorDataset({at::arange(5), at::arange(5) * 10}), {.batch_size = 2});
  REQUIRE(loader.size() == 3);
  std::vector<std::vector<double>> x, y;
  for (const Batch& batch : loader) {
    x.push_back(values(batch[0]));
    y.push_back(values(batch[1]));
  }
  CHECK(x == Rows{{0, 1}, {2, 3}, {4}});
  CHECK(y == Rows{{0, 10}, {20, 30}, {40}});
  CHECK(loader.position() == 3);
  Batch more;
  CHECK_FALSE(loader.next(more));
  CHECK(loader.position() == 3);
}

TEST_CASE("drop_last leaves out the short batch, and batch_size none the batching") {
  struct Row {
    std::int64_t samples, batch_size;
    bool drop_last;
    std::int64_t batches;
  };
  for (const auto& [samples, batch_size, drop_last, batches] : {Row{5, 2, false, 3},
                                                                {5, 2, true, 2},
                                                                {4, 2, true, 2},
                                                                {4, 2, false, 2},
                                                                {1, 2, true, 0},
                                                                {0, 2, false, 0}}) {
    for (const std::int64_t workers : {0, 2}) {
      CAPTURE(samples, batch_size, drop_last, workers);
      DataLoader loader(Numbers(samples),
                        {.batch_size = batch_size, .num_workers = workers, .drop_last = drop_last});
      CHECK(loader.size() == batches);
      CHECK(static_cast<std::int64_t>(epoch(loader).size()) == batches);
    }
  }
  DataLoader single(Numbers(3), {.batch_size = std::nullopt});
  CHECK(single.size() == 3);
  CHECK_FALSE(single.batch_size().has_value());
  single.start();
  Batch sample;
  REQUIRE(single.next(sample));
  CHECK(sample.tensor().dim() == 0);
}

TEST_CASE("a shuffled order is a permutation, differs by epoch and seed, and repeats") {
  const DataLoaderOptions options{.batch_size = 10, .shuffle = true, .seed = 7};
  DataLoader loader(Numbers(100), options), again(Numbers(100), options);
  auto other_options = options;
  other_options.seed = 8;
  DataLoader other(Numbers(100), other_options);
  CHECK(loader.shuffles());
  const Rows first = epoch(loader, 0), second = epoch(loader, 1);
  CHECK(first != second);
  CHECK(epoch(loader, 0) == first);
  CHECK(epoch(again, 1) == second);
  CHECK(epoch(other, 0) != first);
  std::vector<double> all;
  for (const auto& row : second) all.insert(all.end(), row.begin(), row.end());
  std::sort(all.begin(), all.end());
  CHECK(all == values(at::arange(100)));
}

TEST_CASE("batches are the same for any number of workers") {
  for (const bool shuffle : {false, true}) {
    Rows expected;
    for (const std::int64_t workers : {0, 1, 2, 4, 7}) {
      CAPTURE(shuffle, workers);
      DataLoader loader(Numbers(53, /*with_noise=*/true),
                        {.batch_size = 4, .shuffle = shuffle, .num_workers = workers});
      const Rows rows = epoch(loader, 3);
      if (workers == 0) expected = rows;
      CHECK(rows == expected);
      CHECK(epoch(loader, 4) != expected);
    }
  }
}

TEST_CASE("an epoch resumed at any batch gives exactly the batches that are left") {
  for (const std::int64_t workers : {0, 1, 4}) {
    const DataLoaderOptions options{
        .batch_size = 3, .shuffle = true, .num_workers = workers, .seed = 5};
    DataLoader whole(Numbers(20, true), options);
    const Rows expected = epoch(whole, 2);
    for (std::int64_t stop = 0; stop <= 7; ++stop) {
      CAPTURE(workers, stop);
      DataLoader first(Numbers(20, true), options);
      first.set_epoch(2);
      first.start();
      Batch batch;
      for (std::int64_t i = 0; i < stop; ++i) REQUIRE(first.next(batch));
      CHECK(first.position() == stop);  // and not what the workers have made ahead

      auto other_seed = options;
      other_seed.seed = 99;  // the state's seed wins
      DataLoader resumed(Numbers(20, true), other_seed);
      resumed.load_state_dict(first.state_dict());
      CHECK(resumed.position() == stop);
      resumed.start(resumed.position());
      CHECK(rest(resumed) == Rows(expected.begin() + stop, expected.end()));
      CHECK(resumed.position() == 7);
    }
  }
}

TEST_CASE("start says where an epoch can begin, and next that it must begin") {
  DataLoader loader(Numbers(4), {.batch_size = 2});
  Batch batch;
  CHECK_THROWS_WITH(loader.next(batch), Contains("before start()"));
  CHECK_THROWS_WITH(loader.start(3), Contains("batch 3 of an epoch with 2 batch(es)"));
  CHECK_THROWS_AS(loader.start(-1), ValueError);
  loader.start(2);
  CHECK_FALSE(loader.next(batch));
}

TEST_CASE("a copy starts epochs of its own and a moved loader goes on") {
  for (const std::int64_t workers : {0, 2}) {
    DataLoader loader(Numbers(6), {.batch_size = 2, .num_workers = workers});
    loader.start();
    Batch batch;
    REQUIRE(loader.next(batch));
    DataLoader copy = loader;
    CHECK_THROWS_AS(copy.next(batch), RuntimeError);
    CHECK(epoch(copy).size() == 3);
    DataLoader moved = std::move(loader);
    CHECK(rest(moved) == Rows{{2, 3}, {4, 5}});
  }
}

TEST_CASE("a collate_fn makes the batches") {
  for (const std::int64_t workers : {0, 2}) {
    DataLoader loader(
        Numbers(4),
        {.batch_size = 2, .num_workers = workers, .collate_fn = [](std::span<const Batch> samples) {
           return Batch(samples[0].tensor() + samples[1].tensor());
         }});
    CHECK(epoch(loader) == Rows{{1}, {5}});
  }
}

TEST_CASE("another sampler can be put in") {
  DataLoader loader(Numbers(4), {.batch_size = 2, .shuffle = true, .seed = 1});
  const auto sequential = loader.with_sampler(std::make_shared<SequentialSampler>(4));
  REQUIRE(sequential);
  CHECK_FALSE(sequential->shuffles());
  CHECK(epoch(*sequential) == Rows{{0, 1}, {2, 3}});
  CHECK(sequential->batch_size() == 2);
}

TEST_CASE("options that make no sense are refused with torch's words") {
  struct Row {
    DataLoaderOptions options;
    const char* message;
  };
  const auto sampler = std::make_shared<SequentialSampler>(3);
  const Row table[] = {
      {{.batch_size = 0}, "batch_size should be a positive integer value, but got batch_size=0"},
      {{.shuffle = true, .sampler = sampler}, "sampler option is mutually exclusive with shuffle"},
      {{.num_workers = -1},
       "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."},
      {{.timeout = -1}, "timeout option should be non-negative"},
      {{.batch_size = std::nullopt, .drop_last = true},
       "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"},
      {{.num_workers = 1, .prefetch_factor = 0},
       "prefetch_factor option should be positive, but got prefetch_factor=0"},
  };
  for (const auto& [options, message] : table) {
    CHECK_THROWS_AS(DataLoader(Numbers(3), options), ValueError);
    CHECK_THROWS_WITH(DataLoader(Numbers(3), options), message);
  }
  CHECK_THROWS_WITH(DataLoader(Numbers(3), {.prefetch_factor = 2}),
                    Contains("only be specified in multiprocessing"));
  CHECK_THROWS_WITH(
      DataLoader(Counting(3), {.shuffle = true}),
      "DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle=True");
  CHECK_THROWS_AS(DataLoader(Counting(3), {.sampler = sampler}), ValueError);
  CHECK_THROWS_AS(DataLoader(std::shared_ptr<const Dataset>()), ValueError);
}
