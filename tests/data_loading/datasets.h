#pragma once
// Small datasets for the tests of this folder.
#include <ATen/ATen.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"

namespace levin::testing {

/// Sample i is the tensor i; with `noise`, i plus a random fraction.
struct Numbers : Dataset {
  explicit Numbers(std::int64_t n, bool with_noise = false) : count(n), noise(with_noise) {}
  std::int64_t size() const override { return count; }
  Batch get(std::int64_t index, Generator& generator) const override {
    check_index(index);
    return at::full({}, static_cast<double>(index) + (noise ? generator.uniform() : 0.0),
                    at::kDouble);
  }
  std::int64_t count;
  bool noise;
};

/// The stream 0, 1, 2, ...; `known` says whether it tells its size.
struct Counting : IterableDataset {
  explicit Counting(std::int64_t n, bool size_known = false) : count(n), known(size_known) {}
  struct Stream : SampleStream {
    explicit Stream(std::int64_t n) : left(n) {}
    bool next(Batch& sample, Generator& generator) override {
      if (at == left) return false;
      sample = at::full({}, static_cast<double>(at++) + generator.uniform(), at::kDouble);
      return true;
    }
    std::int64_t at = 0, left;
  };
  std::unique_ptr<SampleStream> iterate(const SampleSeeds&) const override {
    return std::make_unique<Stream>(count);
  }
  std::optional<std::int64_t> size() const override {
    return known ? std::optional(count) : std::nullopt;
  }
  std::int64_t count;
  bool known;
};

/// Throws at one index.
struct Broken : Numbers {
  Broken(std::int64_t n, std::int64_t bad_index) : Numbers(n), bad(bad_index) {}
  Batch get(std::int64_t index, Generator& generator) const override {
    if (index == bad) throw KeyError("sample " + std::to_string(index) + " is broken");
    return Numbers::get(index, generator);
  }
  std::int64_t bad;
};

using Rows = std::vector<std::vector<double>>;

/// The elements of one batch.
inline std::vector<double> values(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).reshape({-1}).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

/// What is left of the started epoch.
inline Rows rest(Loader& loader) {
  Rows out;
  Batch batch;
  while (loader.next(batch)) out.push_back(values(batch.tensor()));
  return out;
}

/// A whole epoch.
inline Rows epoch(Loader& loader, std::int64_t number = 0) {
  loader.set_epoch(number);
  loader.start();
  return rest(loader);
}

}  // namespace levin::testing
