#include "levin/framework/data/dataset.h"

#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/data/collate.h"

namespace levin {

Dataset::~Dataset() = default;
SampleStream::~SampleStream() = default;
IterableDataset::~IterableDataset() = default;

Batch Dataset::get_batch(std::span<const std::int64_t> indices, const SampleSeeds& seeds) const {
  std::vector<Batch> samples;
  samples.reserve(indices.size());
  for (const std::int64_t index : indices) {
    Generator generator = seeds.generator(index);
    samples.push_back(get(index, generator));
  }
  return collate(samples);
}

void Dataset::check_index(std::int64_t index) const {
  if (index >= 0 && index < size()) return;
  throw ValueError("index " + std::to_string(index) + " is out of range for a dataset with " +
                   std::to_string(size()) + " sample(s); indices start at 0");
}

void SampleStream::skip(std::int64_t first, std::int64_t count, const SampleSeeds& seeds) {
  Batch unused;
  for (std::int64_t i = first; i < first + count; ++i) {
    Generator generator = seeds.generator(i);
    if (!next(unused, generator)) return;
  }
}

}  // namespace levin
