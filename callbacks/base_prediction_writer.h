#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"
#include "levin/framework/module/step_output.h"

namespace levin {

struct BasePredictionWriterOptions {
  std::string write_interval = "batch";
};
template <class V>
void fields(V&& f, BasePredictionWriterOptions& o) {
  f("write_interval", o.write_interval, "\"batch\", \"epoch\" or \"batch_and_epoch\"");
}

/// The base of callbacks that write what `predict` computes: after each batch, at the end, or both. Override what the interval calls.
///
/// With "epoch" the outputs are kept until the end even with `return_predictions = false`, on the CPU. PredictionWriter is ready.
class LEVIN_API BasePredictionWriter : public Callback {
 public:
  /// The dataset's samples in a batch; empty where the loader can't tell (a stream, a loader of your own).
  using BatchIndices = std::vector<std::int64_t>;
  /// Per loader, per batch.
  using Predictions = std::vector<std::vector<StepOutput>>;
  using EpochIndices = std::vector<std::vector<BatchIndices>>;

  /// MisconfigurationException for an unknown interval.
  explicit BasePredictionWriter(BasePredictionWriterOptions options = {});
  ~BasePredictionWriter() override;

  /// NotImplementedError unless overridden, both.
  virtual void write_on_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& prediction, const BatchIndices& batch_indices,
                                  const Batch& batch, std::int64_t batch_idx, std::int64_t dataloader_idx);
  virtual void write_on_epoch_end(Trainer& trainer, LightningModule& module, const Predictions& predictions, const EpochIndices& batch_indices);

  void on_predict_epoch_start(Trainer& trainer, LightningModule& module) override;
  void on_predict_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch, std::int64_t batch_idx) override;
  void on_predict_epoch_end(Trainer& trainer, LightningModule& module) override;

 private:
  BatchIndices indices_of(std::int64_t batch_idx, std::size_t loader) const;

  bool on_batch_, on_epoch_;
  std::vector<BatchIndices> orders_;  ///< in which each loader goes through its dataset
  std::vector<std::int64_t> batch_sizes_;
  Predictions predictions_;
  EpochIndices epoch_indices_;
};

}  // namespace levin
