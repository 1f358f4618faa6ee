#include "levin/framework/data/sampler.h"

#include <numeric>
#include <string>
#include <utility>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/generator.h"

namespace levin {
namespace {
std::int64_t checked_size(std::int64_t size) {
  if (size < 0)
    throw ValueError("a sampler's size should be non-negative, but got " + std::to_string(size));
  return size;
}
}  // namespace

Sampler::~Sampler() = default;
std::shared_ptr<const Sampler> Sampler::with_seed(std::uint64_t) const { return nullptr; }

SequentialSampler::SequentialSampler(std::int64_t size) : size_(checked_size(size)) {}

std::vector<std::int64_t> SequentialSampler::indices(std::int64_t) const {
  std::vector<std::int64_t> out(static_cast<std::size_t>(size_));
  std::iota(out.begin(), out.end(), std::int64_t{0});
  return out;
}

RandomSampler::RandomSampler(std::int64_t size, std::uint64_t seed)
    : size_(checked_size(size)), seed_(seed) {}

std::vector<std::int64_t> RandomSampler::indices(std::int64_t epoch) const {
  return random_permutation(size_, seed_, epoch);
}

std::shared_ptr<const Sampler> RandomSampler::with_seed(std::uint64_t seed) const {
  return std::make_shared<RandomSampler>(size_, seed);
}

std::vector<std::int64_t> random_permutation(std::int64_t size, std::uint64_t seed,
                                             std::int64_t epoch) {
  std::vector<std::int64_t> out = SequentialSampler(size).indices(0);
  // The stream of index -1: no sample's generator is this one.
  Generator generator(seed, static_cast<std::uint64_t>(epoch), ~std::uint64_t{0});
  for (std::size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[generator.below(i)]);
  return out;
}

}  // namespace levin
