#pragma once
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "levin/framework/data/dataset.h"

namespace levin {

/// Some samples of another dataset, in the order of `indices`. A sample keeps the random generator
/// that it has in the whole.
class LEVIN_API Subset : public Dataset {
 public:
  /// ValueError if an index is out of range.
  Subset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  Batch get(std::int64_t index, Generator& generator) const override;
  Batch get_batch(std::span<const std::int64_t> indices, const SampleSeeds& seeds) const override;

  const std::vector<std::int64_t>& indices() const { return indices_; }

 private:
  std::shared_ptr<const Dataset> dataset_;
  std::vector<std::int64_t> indices_;
};

/// Splits a dataset at random into parts that don't overlap.
///
///     auto parts = random_split(dataset, {0.8, 0.2});   // or by lengths: {1500, 297}
///
/// Fractions must sum to 1 (as math.isclose has it, and not above): a part gets floor(fraction *
/// size) samples, and what is left over goes one by one to the parts from the first on. Lengths
/// must sum to the size. A part may be empty. The parts depend on `seed` alone (none: the one of
/// `seed_everything`, else 0); they are not those of torch. ValueError with torch's words:
/// "Fraction at index 0 is not between 0 and 1", "Sum of input lengths does not equal the length of
/// the input dataset!".
LEVIN_API std::vector<Subset> random_split(std::shared_ptr<const Dataset> dataset,
                                           const std::vector<double>& fractions,
                                           std::optional<std::uint64_t> seed = std::nullopt);
LEVIN_API std::vector<Subset> random_split(std::shared_ptr<const Dataset> dataset,
                                           const std::vector<std::int64_t>& lengths,
                                           std::optional<std::uint64_t> seed = std::nullopt);
template <class T>
requires std::is_arithmetic_v<T> std::vector<Subset> random_split(
    std::shared_ptr<const Dataset> dataset, std::initializer_list<T> parts,
    std::optional<std::uint64_t> seed = std::nullopt) {
  using Part = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
  return random_split(std::move(dataset), std::vector<Part>(parts.begin(), parts.end()), seed);
}

/// The lengths that fractions stand for: torch's rule, see `random_split`.
LEVIN_API std::vector<std::int64_t> split_lengths(std::int64_t size,
                                                  const std::vector<double>& fractions);

}  // namespace levin
