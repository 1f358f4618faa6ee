#include "levin/framework/loops/fetcher.h"

#include <algorithm>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/data/sampler.h"

namespace levin {

std::int64_t number_of_batches(const Loader& loader, const BatchLimit& limit, const char* stage) {
  if (const auto* combined = dynamic_cast<const CombinedLoader*>(&loader)) {
    std::vector<std::int64_t> sizes;
    for (const auto& part : combined->flattened()) sizes.push_back(number_of_batches(*part, limit, stage));
    return combined->size_of(sizes);
  }
  const std::optional<std::int64_t> size = loader.size();
  if (size == 0)
    rank_zero_warn("Total length of `" + class_name(loader) + "` across ranks is zero. Please make sure this was your intention.");
  if (const auto* count = std::get_if<std::int64_t>(&limit)) return std::min(size.value_or(unlimited), *count);
  const double fraction = std::get<double>(limit);
  const std::string name = std::string("limit_") + stage + "_batches";
  if (!size) {
    if (fraction == 1.0) return unlimited;
    if (fraction == 0.0) return 0;
    throw MisconfigurationException("When using an `IterableDataset`, `Trainer(" + name + ")` must be `1.0` or an int. An int specifies `num_" +
                                    stage + "_batches` to use.");
  }
  const auto batches = static_cast<std::int64_t>(static_cast<double>(*size) * fraction);
  if (batches == 0 && fraction > 0.0 && *size > 0) {
    throw MisconfigurationException("You requested to check " + python_repr(fraction) + " of the `" + stage + "_dataloader` but " +
                                    python_repr(fraction) + " * " + std::to_string(*size) + " < 1. Please increase the `" + name +
                                    "` argument. Try at least `" + name + "=" + python_repr(1.0 / static_cast<double>(*size)) + "`");
  }
  return batches;
}

void without_shuffling(Loaders& loaders, const char* stage) {
  const auto sequential = [](const Loader& loader) {
    return !loader.sampler() || dynamic_cast<const SequentialSampler*>(loader.sampler().get());
  };
  const Loaders all = flattened(loaders);
  if (std::all_of(all.begin(), all.end(), [&](const auto& loader) { return sequential(*loader); })) return;
  rank_zero_warn(std::string("You requested to overfit but enabled ") + stage + " dataloader shuffling. We are turning off the " + stage +
                 " dataloader shuffling for you.");
  loaders = with_each(loaders, [&](const auto& loader) {
    return sequential(*loader) ? nullptr : loader->with_sampler(std::make_shared<SequentialSampler>(loader->sampler()->size()));
  });
}

void warn_of_shuffling(const Loaders& loaders, const char* stage) {
  for (const auto& loader : flattened(loaders)) {
    if (!loader->shuffles()) continue;
    rank_zero_warn(std::string("Your `") + stage + "_dataloader`'s sampler has shuffling enabled, it is strongly recommended that you turn " +
                   "shuffling off for val/test dataloaders.");
  }
}

Loaders one_by_one(Loaders loaders) {
  if (loaders.size() != 1) return loaders;
  const auto* combined = dynamic_cast<const CombinedLoader*>(loaders[0].get());
  return combined && combined->sequential() ? combined->flattened() : loaders;
}

void Fetcher::start(Loaders loaders, std::vector<std::int64_t> limits, std::int64_t first) {
  loaders_ = std::move(loaders);
  limits_ = std::move(limits);
  loader_ = 0;
  fetched_ = in_loader_ = 0;
  first_ = first;
  open_ = false;
  started_ = true;
  ahead_.reset();
  length_ = 0;
  for (std::size_t i = 0; i < loaders_.size(); ++i) {
    const auto size = loaders_[i]->size();
    if (!size) length_.reset();
    else if (length_) *length_ += std::min(*size, limits_[i]);
  }
  done_ = length_ && *length_ == 0;
  if (!length_) {
    Item item;
    if (advance(item)) ahead_ = std::move(item);
    else done_ = true;
  }
}

bool Fetcher::next(Item& item) {
  if (length_) {
    if (done_ || !advance(item)) {
      done_ = true;
      return false;
    }
    done_ = ++fetched_ >= *length_;
    return true;
  }
  if (!ahead_) return false;
  item = std::move(*ahead_);
  ahead_.reset();
  ++fetched_;
  Item following;
  if (advance(following)) ahead_ = std::move(following);
  done_ = !ahead_;
  return true;
}

bool Fetcher::advance(Item& item) {
  for (; loader_ < loaders_.size(); ++loader_, open_ = false) {
    if (!open_) {
      in_loader_ = loader_ == 0 ? first_ : 0;
      loaders_[loader_]->start(in_loader_);
      open_ = true;
    }
    if (in_loader_ >= limits_[loader_] || !loaders_[loader_]->next(item.batch)) continue;
    item.batch_idx = in_loader_++;
    item.dataloader_idx = static_cast<std::int64_t>(loader_);
    return true;
  }
  return false;
}

void Fetcher::stop() {
  ahead_.reset();
  loaders_ = {};
  started_ = false;
}

}  // namespace levin
