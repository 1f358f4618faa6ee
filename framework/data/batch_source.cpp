#include "levin/framework/data/batch_source.h"

#include <algorithm>
#include <utility>

#include "levin/framework/data/collate.h"

namespace levin {
namespace {

class IndexedBatches final : public BatchSource {
 public:
  IndexedBatches(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> order,
                 BatchRecipe recipe, std::int64_t first_batch)
      : dataset_(std::move(dataset)), order_(std::move(order)), recipe_(std::move(recipe)) {
    next_ = static_cast<std::size_t>(first_batch * recipe_.batch_size.value_or(1));
  }

  bool claim(Job& job) override {
    const auto wanted = static_cast<std::size_t>(recipe_.batch_size.value_or(1));
    const std::size_t count = std::min(wanted, order_.size() - std::min(next_, order_.size()));
    if (count == 0 || (recipe_.drop_last && count < wanted)) return false;
    job.indices = std::span(order_).subspan(next_, count);
    next_ += count;
    return true;
  }

  Batch make(Job& job) const override {
    if (recipe_.batch_size && !recipe_.collate_fn)
      return dataset_->get_batch(job.indices, recipe_.seeds);
    std::vector<Batch> samples;
    samples.reserve(job.indices.size());
    for (const std::int64_t index : job.indices) {
      Generator generator = recipe_.seeds.generator(index);
      samples.push_back(dataset_->get(index, generator));
    }
    return recipe_.collate_fn ? recipe_.collate_fn(samples) : std::move(samples.front());
  }

 private:
  std::shared_ptr<const Dataset> dataset_;
  std::vector<std::int64_t> order_;
  BatchRecipe recipe_;
  std::size_t next_;  // the place in the order
};

class StreamedBatches final : public BatchSource {
 public:
  StreamedBatches(std::shared_ptr<const IterableDataset> dataset, BatchRecipe recipe,
                  std::int64_t first_batch)
      : dataset_(std::move(dataset)),
        recipe_(std::move(recipe)),
        stream_(dataset_->iterate(recipe_.seeds)) {
    read_ = first_batch * recipe_.batch_size.value_or(1);
    if (read_ > 0) stream_->skip(0, read_, recipe_.seeds);
  }

  bool claim(Job& job) override {
    const std::int64_t wanted = recipe_.batch_size.value_or(1);
    job.samples.clear();
    Batch sample;
    while (!ended_ && static_cast<std::int64_t>(job.samples.size()) < wanted) {
      Generator generator = recipe_.seeds.generator(read_);
      ended_ = !stream_->next(sample, generator);
      if (ended_) break;
      job.samples.push_back(std::move(sample));
      ++read_;
    }
    const auto count = static_cast<std::int64_t>(job.samples.size());
    return count > 0 && !(recipe_.drop_last && count < wanted);
  }

  Batch make(Job& job) const override {
    if (recipe_.collate_fn) return recipe_.collate_fn(job.samples);
    return recipe_.batch_size ? collate(job.samples) : std::move(job.samples.front());
  }

 private:
  std::shared_ptr<const IterableDataset> dataset_;
  BatchRecipe recipe_;
  std::unique_ptr<SampleStream> stream_;
  std::int64_t read_;  // samples read from the stream
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<BatchSource> batches_of(std::shared_ptr<const Dataset> dataset,
                                        std::vector<std::int64_t> order, BatchRecipe recipe,
                                        std::int64_t first_batch) {
  return std::make_unique<IndexedBatches>(std::move(dataset), std::move(order), std::move(recipe),
                                          first_batch);
}

std::unique_ptr<BatchSource> batches_of(std::shared_ptr<const IterableDataset> dataset,
                                        BatchRecipe recipe, std::int64_t first_batch) {
  return std::make_unique<StreamedBatches>(std::move(dataset), std::move(recipe), first_batch);
}

}  // namespace levin
