#include "levin/framework/data/data_loader.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <bit>
#include <string>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/data/batch_workers.h"
#include "levin/framework/data/seed.h"

namespace levin {
namespace {

void check(const DataLoaderOptions& o) {
  if (o.num_workers < 0)
    throw ValueError(
        "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.");
  if (!(o.timeout >= 0)) throw ValueError("timeout option should be non-negative");
  if (o.num_workers == 0 && o.prefetch_factor)
    throw ValueError(
        "prefetch_factor option could only be specified in multiprocessing."
        "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None.");
  if (o.prefetch_factor && *o.prefetch_factor < 1)
    throw ValueError("prefetch_factor option should be positive, but got prefetch_factor=" +
                     std::to_string(*o.prefetch_factor));
  if (o.sampler && o.shuffle) throw ValueError("sampler option is mutually exclusive with shuffle");
  if (!o.batch_size && o.drop_last)
    throw ValueError(
        "batch_size=None option disables auto-batching and is mutually exclusive with drop_last");
  if (o.batch_size && *o.batch_size < 1)
    throw ValueError("batch_size should be a positive integer value, but got batch_size=" +
                     std::to_string(*o.batch_size));
}

std::int64_t batches(std::int64_t samples, const DataLoaderOptions& options) {
  const std::int64_t n = options.batch_size.value_or(1);
  return options.drop_last ? samples / n : (samples + n - 1) / n;
}

/// Without asking ATen for its CUDA hooks: that would fix for good that there are none if CUDA
/// isn't loaded yet.
bool has_cuda_device() {
  return c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA) &&
         c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount() > 0;
}

Batch pinned(Batch batch) {
  return batch.map(
      [](const at::Tensor& t) { return t.defined() && t.device().is_cpu() ? t.pin_memory() : t; });
}

}  // namespace

/// An epoch under way: its source, with workers or without.
class DataLoader::Running {
 public:
  Running(std::unique_ptr<BatchSource> source, const DataLoaderOptions& options)
      : timeout_(options.timeout) {
    if (options.pin_memory && has_cuda_device()) finish_ = pinned;
    if (options.num_workers == 0) {
      source_ = std::move(source);
    } else {
      workers_.emplace(std::move(source), finish_, static_cast<std::size_t>(options.num_workers),
                       static_cast<std::size_t>(options.prefetch_factor.value_or(2)));
    }
  }

  bool next(Batch& out) {
    if (workers_) return workers_->next(out, timeout_);
    if (!source_->claim(job_)) return false;
    const at::NoGradGuard no_grad;
    out = source_->make(job_);
    if (finish_) out = finish_(std::move(out));
    return true;
  }

 private:
  double timeout_;
  BatchWorkers::Finish finish_;
  std::unique_ptr<BatchSource> source_;
  BatchSource::Job job_;
  std::optional<BatchWorkers> workers_;
};

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, DataLoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)) {
  if (!dataset_) throw ValueError("DataLoader: the dataset is null");
  check(options_);
  seed_ = options_.seed ? *options_.seed : global_seed().value_or(0);
  sampler_ = options_.sampler;
  if (!sampler_ && options_.shuffle)
    sampler_ = std::make_shared<RandomSampler>(dataset_->size(), seed_);
  if (!sampler_) sampler_ = std::make_shared<SequentialSampler>(dataset_->size());
}

DataLoader::DataLoader(std::shared_ptr<const IterableDataset> dataset, DataLoaderOptions options)
    : stream_(std::move(dataset)), options_(std::move(options)) {
  if (!stream_) throw ValueError("DataLoader: the dataset is null");
  if (options_.shuffle)
    throw ValueError(
        "DataLoader with IterableDataset: expected unspecified shuffle option, but got "
        "shuffle=True");
  if (options_.sampler)
    throw ValueError(
        "DataLoader with IterableDataset: expected unspecified sampler option, but got a sampler");
  check(options_);
  seed_ = options_.seed ? *options_.seed : global_seed().value_or(0);
}

DataLoader::~DataLoader() = default;
DataLoader::DataLoader(DataLoader&& other) noexcept = default;

DataLoader::DataLoader(const DataLoader& other)
    : Loader(other),
      dataset_(other.dataset_),
      stream_(other.stream_),
      options_(other.options_),
      sampler_(other.sampler_),
      seed_(other.seed_),
      epoch_(other.epoch_) {}

DataLoader& DataLoader::operator=(DataLoader other) noexcept {
  dataset_ = std::move(other.dataset_);
  stream_ = std::move(other.stream_);
  options_ = std::move(other.options_);
  sampler_ = std::move(other.sampler_);
  seed_ = other.seed_;
  epoch_ = other.epoch_;
  position_ = other.position_;
  running_ = std::move(other.running_);
  return *this;
}

std::optional<std::int64_t> DataLoader::size() const {
  const auto samples = stream_ ? stream_->size() : sampler_->size();
  if (!samples) return std::nullopt;
  return batches(*samples, options_);
}

void DataLoader::start(std::int64_t first_batch) {
  const auto count = size();
  if (first_batch < 0 || (sampler_ && first_batch > *count))
    throw ValueError("DataLoader: can't start at batch " + std::to_string(first_batch) +
                     " of an epoch with " +
                     (count ? std::to_string(*count) : "an unknown number of") + " batch(es)");
  running_.reset();  // joins the workers of an epoch that was left half-way
  BatchRecipe recipe{options_.batch_size, options_.drop_last, options_.collate_fn, {seed_, epoch_}};
  running_ = std::make_unique<Running>(
      stream_ ? batches_of(stream_, std::move(recipe), first_batch)
              : batches_of(dataset_, sampler_->indices(epoch_), std::move(recipe), first_batch),
      options_);
  position_ = first_batch;
}

bool DataLoader::next(Batch& out) {
  if (!running_)
    throw RuntimeError(
        "DataLoader: next() was called before start(), or after an error; call start() first");
  try {
    if (!running_->next(out)) return false;
  } catch (const DataLoaderTimeout&) {
    throw;  // to join a worker that is stuck would be to wait for ever after all
  } catch (...) {
    running_.reset();
    throw;
  }
  ++position_;
  return true;
}

Value DataLoader::state_dict() const {
  Value state = Value::dict();
  state["epoch"] = epoch_;
  state["position"] = position_;
  state["seed"] = std::bit_cast<std::int64_t>(seed_);
  const auto sampler_seed = sampler_ ? sampler_->seed() : std::nullopt;
  state["sampler_seed"] =
      sampler_seed ? Value(std::bit_cast<std::int64_t>(*sampler_seed)) : Value();
  return state;
}

void DataLoader::load_state_dict(const Value& state) {
  const std::int64_t epoch = state.at("epoch").as_int(), position = state.at("position").as_int();
  const auto seed = std::bit_cast<std::uint64_t>(state.at("seed").as_int());
  const Value& sampler_seed = state.at("sampler_seed");
  std::shared_ptr<const Sampler> sampler = sampler_;
  if (sampler && !sampler_seed.is_none()) {
    const auto old = std::bit_cast<std::uint64_t>(sampler_seed.as_int());
    if (sampler->seed() && sampler->seed() != old) sampler = sampler->with_seed(old);
  }
  running_.reset();
  sampler_ = std::move(sampler);
  seed_ = seed;
  epoch_ = epoch;
  position_ = position;
}

std::shared_ptr<Loader> DataLoader::with_sampler(std::shared_ptr<const Sampler> sampler) const {
  if (stream_ || !sampler) return nullptr;
  auto out = std::make_shared<DataLoader>(*this);
  out->options_.shuffle = false;
  out->options_.sampler = sampler;
  out->sampler_ = std::move(sampler);
  return out;
}

}  // namespace levin
