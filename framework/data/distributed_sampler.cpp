#include "levin/framework/data/distributed_sampler.h"

#include <string>
#include <utility>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

std::shared_ptr<const Sampler> order_of(std::int64_t size,
                                        const DistributedSamplerOptions& options) {
  if (options.shuffle) return std::make_shared<RandomSampler>(size, options.seed);
  return std::make_shared<SequentialSampler>(size);
}

std::int64_t share(std::int64_t size, const DistributedSamplerOptions& options) {
  const std::int64_t n = options.num_replicas;
  if (!options.pad) return size / n + (options.rank < size % n ? 1 : 0);
  return options.drop_last ? size / n : (size + n - 1) / n;
}

}  // namespace

DistributedSampler::DistributedSampler(std::int64_t size, const DistributedSamplerOptions& options)
    : DistributedSampler(order_of(size, options), options) {}

DistributedSampler::DistributedSampler(std::shared_ptr<const Sampler> whole,
                                       const DistributedSamplerOptions& options)
    : whole_(std::move(whole)), options_(options) {
  if (!whole_) throw ValueError("DistributedSampler: the sampler to share out is null");
  if (options.num_replicas < 1)
    throw ValueError("num_replicas should be a positive integer value, but got num_replicas=" +
                     std::to_string(options.num_replicas));
  if (options.rank < 0 || options.rank >= options.num_replicas)
    throw ValueError("Invalid rank " + std::to_string(options.rank) +
                     ", rank should be in the interval [0, " +
                     std::to_string(options.num_replicas - 1) + "]");
  size_ = share(whole_->size(), options_);
}

std::vector<std::int64_t> DistributedSampler::indices(std::int64_t epoch) const {
  const std::vector<std::int64_t> order = whole_->indices(epoch);
  std::vector<std::int64_t> out;
  out.reserve(static_cast<std::size_t>(size_));
  // Place p of the filled-up order is place p modulo its length of the order.
  for (std::int64_t i = 0; i < size_; ++i)
    out.push_back(
        order[static_cast<std::size_t>(options_.rank + i * options_.num_replicas) % order.size()]);
  return out;
}

std::shared_ptr<const Sampler> DistributedSampler::with_seed(std::uint64_t seed) const {
  auto whole = whole_->with_seed(seed);
  if (!whole) return nullptr;
  return std::make_shared<DistributedSampler>(std::move(whole), options_);
}

}  // namespace levin
