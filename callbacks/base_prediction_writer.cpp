#include "levin/callbacks/base_prediction_writer.h"

#include <algorithm>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/data/loader.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

// The order in which a loader goes through its dataset in the epoch that it is in; empty if it can't tell.
std::vector<std::int64_t> order_of(const Loader& loader) {
  const auto sampler = loader.sampler();
  const Value state = loader.state_dict();
  const Value* epoch = state.find("epoch");
  if (sampler && epoch) return sampler->indices(epoch->as_int());
  warn_once("Couldn't infer the batch indices fetched from your dataloader: `" + class_name(loader) + "`");
  return {};
}

}  // namespace

BasePredictionWriter::BasePredictionWriter(BasePredictionWriterOptions options)
    : on_batch_(options.write_interval != "epoch"), on_epoch_(options.write_interval != "batch") {
  if (on_batch_ && on_epoch_ && options.write_interval != "batch_and_epoch")
    throw MisconfigurationException("`write_interval` should be one of ['batch', 'epoch', 'batch_and_epoch'].");
}

BasePredictionWriter::~BasePredictionWriter() = default;

void BasePredictionWriter::write_on_batch_end(Trainer&, LightningModule&, const StepOutput&, const BatchIndices&, const Batch&, std::int64_t,
                                              std::int64_t) {
  throw NotImplementedError("override `write_on_batch_end`, or choose the write_interval \"epoch\"");
}

void BasePredictionWriter::write_on_epoch_end(Trainer&, LightningModule&, const Predictions&, const EpochIndices&) {
  throw NotImplementedError("override `write_on_epoch_end`, or choose the write_interval \"batch\"");
}

void BasePredictionWriter::on_predict_epoch_start(Trainer& trainer, LightningModule&) {
  const Loaders& loaders = trainer.predict_dataloaders();
  orders_.clear();
  batch_sizes_.clear();
  for (const auto& loader : loaders) {
    orders_.push_back(order_of(*loader));
    batch_sizes_.push_back(loader->batch_size().value_or(1));
  }
  predictions_.assign(loaders.size(), {});
  epoch_indices_.assign(loaders.size(), {});
}

BasePredictionWriter::BatchIndices BasePredictionWriter::indices_of(std::int64_t batch_idx, std::size_t loader) const {
  const BatchIndices& order = orders_.at(loader);
  const auto all = static_cast<std::int64_t>(order.size());
  const auto from = std::min(all, batch_idx * batch_sizes_[loader]), to = std::min(all, from + batch_sizes_[loader]);
  return {order.begin() + from, order.begin() + to};
}

void BasePredictionWriter::on_predict_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch,
                                                std::int64_t batch_idx) {
  const auto loader = static_cast<std::size_t>(batch.dataloader_idx());
  BatchIndices indices = indices_of(batch_idx, loader);
  if (on_batch_) write_on_batch_end(trainer, module, outputs, indices, batch, batch_idx, batch.dataloader_idx());
  if (!on_epoch_) return;
  predictions_[loader].push_back(outputs.cpu());
  if (!orders_[loader].empty()) epoch_indices_[loader].push_back(std::move(indices));
}

void BasePredictionWriter::on_predict_epoch_end(Trainer& trainer, LightningModule& module) {
  if (on_epoch_) write_on_epoch_end(trainer, module, predictions_, epoch_indices_);
  predictions_.clear();
  epoch_indices_.clear();
}

}  // namespace levin
