#pragma once
#include <string>
#include <vector>

#include "levin/callbacks/base_prediction_writer.h"

namespace levin {

struct PredictionWriterOptions {
  std::string output_dir;
  std::string write_interval = "batch";
  std::vector<std::string> formats = {"pt"};
};
template <class V>
void fields(V&& f, PredictionWriterOptions& o) {
  f("output_dir", o.output_dir, "the folder to write into; it is made");
  f("write_interval", o.write_interval, "\"batch\", \"epoch\" or \"batch_and_epoch\"");
  f("formats", o.formats, "\"pt\" for torch.load, \"csv\" for tables, or both");
}

/// Writes predictions to files that appear whole or not at all:
///
/// | interval | file | in it |
/// | --- | --- | --- |
/// | batch | `<output_dir>/<dataloader_idx>/<batch_idx>.pt` | what `predict_step` returned: a tensor or a dict of tensors |
/// | epoch | `<output_dir>/predictions.pt` | a list of those, in the order of batches; a list per loader if there are several |
/// | epoch | `<output_dir>/batch_indices.pt` | the same of the dataset's samples in each batch, where the loader knows them |
///
/// With "csv" also `.csv` beside each `.pt` (`batch_indices` excepted): a line per sample with `dataloader_idx`, `batch_idx`, `index` (the
/// sample's in the dataset, empty if unknown) and its numbers, named `prediction` or as the dict's entries, `name_0`, `name_1`, ... if there
/// are several. Batches of one file with different columns are a ValueError; the `.pt` is there by then. With several ranks each writes its
/// own `predictions_<rank>`. `torch.load(path, weights_only=True)` reads the `.pt` files.
///
/// ValueError for an empty `output_dir` and for an unknown format; MisconfigurationException for an unknown interval.
class LEVIN_API PredictionWriter : public BasePredictionWriter {
 public:
  using Options = PredictionWriterOptions;
  explicit PredictionWriter(Options options);

  void write_on_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& prediction, const BatchIndices& batch_indices,
                          const Batch& batch, std::int64_t batch_idx, std::int64_t dataloader_idx) override;
  void write_on_epoch_end(Trainer& trainer, LightningModule& module, const Predictions& predictions, const EpochIndices& batch_indices) override;

 private:
  bool writes(const char* format) const;
  Options options_;
};

}  // namespace levin
