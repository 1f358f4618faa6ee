#include "levin/framework/data/subset.h"

#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "levin/framework/base/errors.h"
#include "levin/framework/data/sampler.h"
#include "levin/framework/data/seed.h"

namespace levin {
namespace {

/// The sum as Python 3.12 forms it (Neumaier's compensation), so that ten times 0.1 is 1.
double sum(const std::vector<double>& terms) {
  double total = 0, lost = 0;
  for (const double x : terms) {
    const double next = total + x;
    lost += std::abs(total) >= std::abs(x) ? (total - next) + x : (x - next) + total;
    total = next;
  }
  return total + lost;
}

}  // namespace

Subset::Subset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> indices)
    : dataset_(std::move(dataset)), indices_(std::move(indices)) {
  if (!dataset_) throw ValueError("Subset: the dataset is null");
  const std::int64_t whole = dataset_->size();
  for (const std::int64_t index : indices_) {
    if (index < 0 || index >= whole)
      throw ValueError("Subset: index " + std::to_string(index) +
                       " is out of range for a dataset with " + std::to_string(whole) +
                       " sample(s)");
  }
}

Batch Subset::get(std::int64_t index, Generator& generator) const {
  check_index(index);
  return dataset_->get(indices_[static_cast<std::size_t>(index)], generator);
}

Batch Subset::get_batch(std::span<const std::int64_t> indices, const SampleSeeds& seeds) const {
  std::vector<std::int64_t> inner;
  inner.reserve(indices.size());
  for (const std::int64_t index : indices) {
    check_index(index);
    inner.push_back(indices_[static_cast<std::size_t>(index)]);
  }
  return dataset_->get_batch(inner, seeds);
}

std::vector<std::int64_t> split_lengths(std::int64_t size, const std::vector<double>& fractions) {
  const double total = sum(fractions);
  if (!(total <= 1 && 1 - total <= 1e-9))
    throw ValueError(
        "Sum of input lengths does not equal the length of the input dataset! (fractions must sum "
        "to 1)");
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    if (fractions[i] < 0 || fractions[i] > 1)
      throw ValueError("Fraction at index " + std::to_string(i) + " is not between 0 and 1");
    lengths.push_back(
        static_cast<std::int64_t>(std::floor(static_cast<double>(size) * fractions[i])));
  }
  const std::int64_t remainder =
      size - std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  for (std::int64_t i = 0; i < remainder; ++i)
    ++lengths[static_cast<std::size_t>(i) % lengths.size()];
  return lengths;
}

std::vector<Subset> random_split(std::shared_ptr<const Dataset> dataset,
                                 const std::vector<double>& fractions,
                                 std::optional<std::uint64_t> seed) {
  if (!dataset) throw ValueError("random_split: the dataset is null");
  const auto lengths = split_lengths(dataset->size(), fractions);
  return random_split(std::move(dataset), lengths, seed);
}

std::vector<Subset> random_split(std::shared_ptr<const Dataset> dataset,
                                 const std::vector<std::int64_t>& lengths,
                                 std::optional<std::uint64_t> seed) {
  if (!dataset) throw ValueError("random_split: the dataset is null");
  std::int64_t total = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 0)
      throw ValueError("random_split: the length at index " + std::to_string(i) + " is negative");
    total += lengths[i];
  }
  if (total != dataset->size())
    throw ValueError("Sum of input lengths does not equal the length of the input dataset!");
  const auto order = random_permutation(total, seed ? *seed : global_seed().value_or(0));
  std::vector<Subset> parts;
  auto from = order.begin();
  for (const std::int64_t length : lengths) {
    parts.emplace_back(dataset, std::vector<std::int64_t>(from, from + length));
    from += length;
  }
  return parts;
}

}  // namespace levin
