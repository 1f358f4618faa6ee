// CombinedLoader: the table is what lightning.pytorch.utilities.CombinedLoader 2.6.6 gives for loaders of numbers.
#include <ATen/ops/scalar_tensor.h>

#include <sstream>

#include "levin/framework/base/errors.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "support/catch.h"

using namespace levin;

namespace {

// first, first + 1, ...; `sized` says whether it tells how many.
class Numbers : public Loader {
 public:
  Numbers(std::int64_t first, std::int64_t count, bool sized = true) : first_(first), count_(count), sized_(sized) {}
  std::optional<std::int64_t> size() const override { return sized_ ? std::optional(count_) : std::nullopt; }
  void set_epoch(std::int64_t) override {}
  void start(std::int64_t first_batch) override { position_ = first_batch; }
  bool next(Batch& out) override {
    if (position_ >= count_) return false;
    out = at::scalar_tensor(first_ + position_++, at::kLong);
    return true;
  }
  std::int64_t position() const override { return position_; }
  Value state_dict() const override { return position_; }
  void load_state_dict(const Value& state) override { position_ = state.as_int(); }

 private:
  std::int64_t first_, count_, position_ = 0;
  bool sized_;
};

Loaders numbers(const std::vector<std::int64_t>& sizes, bool sized = true) {
  std::vector<std::shared_ptr<Loader>> out;
  for (const std::int64_t n : sizes) out.push_back(std::make_shared<Numbers>(10 * static_cast<std::int64_t>(out.size()), n, sized));
  return out;
}

std::string text(const Batch& batch, bool sequential) {
  if (sequential) return std::to_string(batch.tensor().item<std::int64_t>()) + "@" + std::to_string(batch.dataloader_idx());
  std::string out;
  for (const Batch& one : batch.list()) out += (out.empty() ? "" : ",") + (one.is_none() ? "-" : std::to_string(one.tensor().item<std::int64_t>()));
  return out;
}

std::string rest(CombinedLoader& loader, std::int64_t most = 100) {
  std::string out;
  Batch batch;
  for (std::int64_t i = 0; i < most && loader.next(batch); ++i) out += (out.empty() ? "" : " ") + text(batch, loader.sequential());
  return out;
}

std::string without_first(std::string all, std::int64_t n) {
  for (; n > 0; --n) all = all.find(' ') == std::string::npos ? "" : all.substr(all.find(' ') + 1);
  return all;
}

struct Case {
  std::vector<std::int64_t> sizes;
  std::string mode;
  std::int64_t length;
  std::string batches;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {{2, 3}, "min_size", 2, "0,10 1,11"},
      {{2, 3}, "max_size_cycle", 3, "0,10 1,11 0,12"},
      {{2, 3}, "max_size", 3, "0,10 1,11 -,12"},
      {{2, 3}, "sequential", 5, "0@0 1@0 10@1 11@1 12@1"},
      {{3, 2}, "min_size", 2, "0,10 1,11"},
      {{3, 2}, "max_size_cycle", 3, "0,10 1,11 2,10"},
      {{3, 2}, "max_size", 3, "0,10 1,11 2,-"},
      {{3, 2}, "sequential", 5, "0@0 1@0 2@0 10@1 11@1"},
      {{1, 4, 2}, "min_size", 1, "0,10,20"},
      {{1, 4, 2}, "max_size_cycle", 4, "0,10,20 0,11,21 0,12,20 0,13,21"},
      {{1, 4, 2}, "max_size", 4, "0,10,20 -,11,21 -,12,- -,13,-"},
      {{1, 4, 2}, "sequential", 7, "0@0 10@1 11@1 12@1 13@1 20@2 21@2"},
      {{0, 2}, "min_size", 0, ""},
      {{0, 2}, "max_size_cycle", 2, ""},
      {{0, 2}, "max_size", 2, "-,10 -,11"},
      {{0, 2}, "sequential", 2, "10@1 11@1"},
      {{2, 0}, "min_size", 0, ""},
      {{2, 0}, "max_size_cycle", 2, ""},
      {{2, 0}, "max_size", 2, "0,- 1,-"},
      {{3}, "min_size", 3, "0 1 2"},
      {{3}, "max_size_cycle", 3, "0 1 2"},
      {{3}, "max_size", 3, "0 1 2"},
      {{3}, "sequential", 3, "0@0 1@0 2@0"},
  };
  return all;
}

}  // namespace

TEST_CASE("loaders are combined as Lightning combines them") {
  for (const Case& one : cases()) {
    INFO(one.mode << " of " << one.sizes.size() << ": " << one.batches);
    CombinedLoader loader(numbers(one.sizes), one.mode);
    CHECK(loader.size() == one.length);
    for (int epoch = 0; epoch < 2; ++epoch) {
      loader.set_epoch(epoch);
      loader.start();
      CHECK(rest(loader) == one.batches);
    }
    CombinedLoader endless(numbers(one.sizes, /*sized=*/false), one.mode);
    CHECK(endless.size() == std::nullopt);
    endless.start();
    CHECK(rest(endless) == one.batches);
  }
}

TEST_CASE("an epoch that begins at its n-th batch has the batches that the whole one has from there on") {
  for (const Case& one : cases()) {
    if (one.batches.empty()) continue;
    for (const bool sized : {true, false}) {
      for (std::int64_t n = 0; n < one.length; ++n) {
        INFO(one.mode << ": " << one.batches << " from " << n << (sized ? "" : ", without sizes"));
        if (one.mode == "sequential" && !sized) continue;  // where one ends is not known beforehand; the state below knows it
        CombinedLoader loader(numbers(one.sizes, sized), one.mode);
        loader.start(n);
        CHECK(loader.position() == n);
        CHECK(rest(loader) == without_first(one.batches, n));
      }
    }
  }
}

TEST_CASE("a loaded state goes on where it was saved") {
  for (const Case& one : cases()) {
    for (const bool sized : {true, false}) {
      for (std::int64_t n = 0; n <= (one.batches.empty() ? 0 : one.length); ++n) {
        INFO(one.mode << ": " << one.batches << " from " << n << (sized ? "" : ", without sizes"));
        CombinedLoader loader(numbers(one.sizes, sized), one.mode);
        loader.start();
        rest(loader, n);
        CombinedLoader resumed(numbers(one.sizes, sized), one.mode);
        resumed.load_state_dict(loader.state_dict());
        resumed.start(resumed.position());
        CHECK(resumed.position() == loader.position());
        CHECK(rest(resumed) == rest(loader));
      }
    }
  }
}

TEST_CASE("a loader that begins again within an epoch shuffles anew, the same way every time") {
  const auto order = [](std::int64_t epoch, std::int64_t first) {
    at::Tensor x = at::empty({8}, at::kLong);
    for (std::int64_t i = 0; i < 8; ++i) x[i] = i;
    const TensorDataset few({x});
    CombinedLoader loader({std::make_shared<DataLoader>(few, DataLoaderOptions{.batch_size = 2, .shuffle = true}), std::make_shared<Numbers>(0, 12)},
                          "max_size_cycle");
    loader.set_epoch(epoch);
    loader.start(first);
    std::string out;
    Batch batch;
    while (loader.next(batch))
      for (std::int64_t k = 0; k < 2; ++k) out += std::to_string(batch[0][0].tensor()[k].item<std::int64_t>());
    return out;
  };
  const std::string whole = order(0, 0);
  REQUIRE(whole.size() == 24);
  CHECK(whole.substr(0, 8) != whole.substr(8, 8));
  CHECK(whole.substr(8, 8) != order(1, 0).substr(0, 8));
  for (std::int64_t first = 0; first < 12; ++first) CHECK(order(0, first) == whole.substr(static_cast<std::size_t>(2 * first)));
}

TEST_CASE("named loaders give a dict, and combinations nest") {
  CombinedLoader named({{"few", numbers({2})[0]}, {"many", numbers({3})[0]}}, "max_size_cycle");
  named.start();
  Batch batch;
  for (int i = 0; i < 3; ++i) REQUIRE(named.next(batch));
  CHECK(batch["few"].tensor().item<std::int64_t>() == 0);
  CHECK(batch["many"].tensor().item<std::int64_t>() == 2);

  const auto inner = std::make_shared<CombinedLoader>(numbers({2, 3}));
  CombinedLoader outer({inner, numbers({9})[0]});
  CHECK(outer.size() == 2);
  outer.start();
  REQUIRE(outer.next(batch));
  CHECK(batch[0][1].tensor().item<std::int64_t>() == 10);
  CHECK(flattened(Loaders(std::make_shared<CombinedLoader>(outer))).size() == 3);
  const Loaders shorter = with_each(Loaders(std::make_shared<CombinedLoader>(outer)), [](const auto&) { return std::make_shared<Numbers>(0, 1); });
  CHECK(shorter[0]->size() == 1);
  CHECK(outer.size() == 2);
}

TEST_CASE("a mode that there is not, a null loader and a state of others are refused") {
  CHECK_THROWS_WITH(CombinedLoader(numbers({1}), "longest"),
                    "Unsupported mode 'longest', please select one of: ['min_size', 'max_size_cycle', 'max_size', 'sequential'].");
  CHECK_THROWS_AS(CombinedLoader({std::shared_ptr<Loader>(), numbers({1})[0]}), TypeError);
  CHECK_THROWS_AS(CombinedLoader(numbers({1, 2})).with(numbers({1})), ValueError);
  CombinedLoader two(numbers({1, 2})), three(numbers({1, 2, 3}));
  CHECK_THROWS_AS(two.load_state_dict(three.state_dict()), ValueError);
  Batch batch;
  CHECK_THROWS_AS(two.next(batch), RuntimeError);
}
