#pragma once
#include <memory>
#include <string>

#include "levin/framework/data/dataset.h"
#include "levin/framework/module/data_module.h"

namespace levin {

/// How samples are shared out and batched; the options that all data modules of this folder have.
struct SplitOptions {
  double val_fraction = 0.2;
  double test_fraction = 0.0;
  std::int64_t split_seed = 0;
  std::int64_t batch_size = 32;
  std::int64_t num_workers = 0;
};

/// Their `fields`, for an options struct that has these members.
template <class V, class O>
void split_fields(V&& f, O& o) {
  f("val_fraction", o.val_fraction, "part of the samples to validate on");
  f("test_fraction", o.test_fraction, "part of the samples to test on; 0: test on those for validation");
  f("split_seed", o.split_seed, "decides which samples go where");
  f("batch_size", o.batch_size, "samples per batch");
  f("num_workers", o.num_workers, "threads that make batches ahead; 0: made when asked for");
}
template <class O>
SplitOptions split_options(const O& o) { return {o.val_fraction, o.test_fraction, o.split_seed, o.batch_size, o.num_workers}; }

/// One dataset, split at random into training, validation and test parts; predicting goes over all of it in its order.
class LEVIN_API SplitDataModule : public LightningDataModule {
 public:
  /// `name` is for messages. ValueError for fractions that leave nothing to train on.
  SplitDataModule(std::string name, SplitOptions options);
  void setup(std::string_view stage) final;
  Loaders train_dataloader() override;
  Loaders val_dataloader() override;
  Loaders test_dataloader() override;
  Loaders predict_dataloader() override;

 protected:
  struct Parts {
    std::shared_ptr<const Dataset> all;
    std::shared_ptr<const Dataset> all_for_training = nullptr;  ///< the same samples where training sees them otherwise (augmented)
    std::shared_ptr<const Dataset> train = nullptr, val = nullptr, test = nullptr;
  };
  /// The samples; called once, when a run is set up. Without `train` the parts are split off from `all`.
  virtual Parts make_datasets() = 0;
  /// ValueError "NAME: what".
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  Loaders loader(std::shared_ptr<const Dataset> dataset, bool shuffle) const;
  std::string name_;
  SplitOptions options_;
  Parts parts_;
};

}  // namespace levin
