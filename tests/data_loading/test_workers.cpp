#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <future>
#include <thread>

#include "datasets.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::testing;

namespace {

/// Counts how many samples were asked for.
struct Counted : Numbers {
  explicit Counted(std::int64_t n) : Numbers(n) {}
  Batch get(std::int64_t index, Generator& generator) const override {
    {
      const std::lock_guard lock(mutex);
      ++made;
    }
    changed.notify_all();
    return Numbers::get(index, generator);
  }
  void wait_for(std::int64_t n) const {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return made >= n; });
  }
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  mutable std::int64_t made = 0;
};

/// Sample 0 is made only when sample 1 was: with two workers, batches get ready in the wrong order.
struct SecondFirst : Numbers {
  SecondFirst() : Numbers(2) {}
  Batch get(std::int64_t index, Generator& generator) const override {
    if (index == 0)
      second.get_future().wait();
    else
      second.set_value();
    return Numbers::get(index, generator);
  }
  mutable std::promise<void> second;
};

/// Says what a sample is made under: intra-op threads, gradients on.
struct Settings : Dataset {
  std::int64_t size() const override { return 8; }
  Batch get(std::int64_t, Generator&) const override {
    return at::tensor({static_cast<std::int64_t>(at::get_num_threads()),
                       std::int64_t{at::GradMode::is_enabled()}});
  }
};

/// Never gives its sample before it is let go.
struct Stuck : Numbers {
  explicit Stuck(std::shared_future<void> released) : Numbers(1), go(std::move(released)) {}
  Batch get(std::int64_t index, Generator& generator) const override {
    go.wait();
    return Numbers::get(index, generator);
  }
  std::shared_future<void> go;
};

}  // namespace

TEST_CASE("an exception of the dataset comes out at the batch it belongs to, and ends the epoch") {
  for (const std::int64_t workers : {0, 1, 4}) {
    CAPTURE(workers);
    DataLoader loader(Broken(20, 9), {.batch_size = 2, .num_workers = workers});
    for (int round = 0; round < 2; ++round) {
      loader.start();
      Batch batch;
      for (int i = 0; i < 4; ++i) REQUIRE(loader.next(batch));
      CHECK_THROWS_AS(loader.next(batch), KeyError);
      CHECK(loader.position() == 4);
      CHECK_THROWS_WITH(loader.next(batch), Catch::Matchers::Contains("call start() first"));
    }
    loader.start(4);
    Batch batch;
    CHECK_THROWS_WITH(loader.next(batch), "sample 9 is broken");
    loader.start(5);
    CHECK(rest(loader).size() == 5);
  }
}

TEST_CASE("an exception that nobody waited for is dropped with its epoch") {
  DataLoader loader(Broken(20, 3), {.batch_size = 2, .num_workers = 2});
  for (int i = 0; i < 50; ++i) loader.start();
  loader.start(2);
  CHECK(rest(loader).size() == 8);
}

TEST_CASE("an epoch can be left at any batch and another begun") {
  for (const std::int64_t workers : {1, 3}) {
    DataLoader loader(Numbers(30), {.batch_size = 2, .num_workers = workers});
    for (std::int64_t left_at = 0; left_at < 15; ++left_at) {
      loader.start();
      Batch batch;
      for (std::int64_t i = 0; i < left_at; ++i) REQUIRE(loader.next(batch));
    }
    CHECK(epoch(loader).size() == 15);
    loader.start();  // and the destructor finds it running
  }
}

TEST_CASE("workers make no more than prefetch_factor batches each ahead") {
  const auto dataset = std::make_shared<Counted>(100);
  DataLoader loader(dataset, {.num_workers = 2, .prefetch_factor = 3});
  loader.start();
  dataset->wait_for(6);
  Batch batch;
  REQUIRE(loader.next(batch));
  dataset->wait_for(7);
  loader.start(100);  // joins the workers, so that the count is final
  CHECK(dataset->made == 7);
}

TEST_CASE("batches come in order even if the second is ready before the first") {
  DataLoader loader(std::make_shared<SecondFirst>(), {.num_workers = 2});
  CHECK(epoch(loader) == Rows{{0}, {1}});
}

TEST_CASE("operators run single-threaded in workers, and other threads keep their setting") {
  const int before = at::get_num_threads();
  DataLoader loader(Settings(), {.num_workers = 2});
  for (const auto& row : epoch(loader)) CHECK(row == std::vector<double>{1, 0});
  CHECK(at::get_num_threads() == before);
  int fresh = 0;
  std::thread([&] { fresh = at::get_num_threads(); }).join();
  CHECK(fresh == before);
  DataLoader inline_loader(Settings(), {});
  for (const auto& row : epoch(inline_loader))
    CHECK(row == std::vector<double>{static_cast<double>(before), 0});
  CHECK(at::GradMode::is_enabled());
}

TEST_CASE("waiting longer than the timeout is an error, after which one may wait again") {
  std::promise<void> release;
  DataLoader loader(Stuck(release.get_future().share()), {.num_workers = 1, .timeout = 0.01});
  loader.start();
  Batch batch;
  CHECK_THROWS_WITH(loader.next(batch), "DataLoader timed out after 0.01 seconds");
  CHECK_THROWS_AS(loader.next(batch), RuntimeError);
  CHECK(loader.position() == 0);
  release.set_value();
  const auto arrived = [&] {
    try {
      return loader.next(batch);
    } catch (const RuntimeError&) {
      return false;
    }
  };
  while (!arrived()) continue;
  CHECK(loader.position() == 1);
}

TEST_CASE("a stream gives the same batches for any number of workers, and resumes") {
  for (const std::int64_t workers : {0, 1, 4}) {
    CAPTURE(workers);
    const DataLoaderOptions plain{.batch_size = 4, .seed = 3};
    DataLoaderOptions options = plain;
    options.num_workers = workers;
    DataLoader reference(Counting(22), plain), loader(Counting(22), options);
    CHECK_FALSE(loader.size().has_value());
    CHECK_FALSE(loader.shuffles());
    CHECK(loader.with_sampler(std::make_shared<SequentialSampler>(22)) == nullptr);
    const Rows expected = epoch(reference, 1);
    REQUIRE(expected.size() == 6);
    CHECK(expected.back().size() == 2);
    CHECK(epoch(loader, 1) == expected);
    for (std::int64_t stop = 0; stop <= 7; ++stop) {
      loader.start(stop);
      CHECK(rest(loader) ==
            Rows(expected.begin() + std::min<std::int64_t>(stop, 6), expected.end()));
    }
    options.drop_last = true;
    DataLoader dropping(Counting(22, /*size_known=*/true), options);
    CHECK(dropping.size() == 5);
    CHECK(epoch(dropping).size() == 5);
  }
}
