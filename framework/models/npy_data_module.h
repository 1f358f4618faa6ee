#pragma once
#include <string>

#include "levin/framework/models/split_data_module.h"

namespace levin {

struct NpyDataModuleOptions {
  std::string features;
  std::string targets = "";
  double val_fraction = 0.2;
  double test_fraction = 0.0;
  std::int64_t split_seed = 0;
  std::int64_t batch_size = 32;
  std::int64_t num_workers = 0;
};

template <class V>
void fields(V&& f, NpyDataModuleOptions& o) {
  f("features", o.features, "a file of numpy.save, one sample a row");
  f("targets", o.targets, "a file of numpy.save with as many rows; empty: batches have features only");
  split_fields(f, o);
}

/// Rows of NumPy files, mapped and not read into memory, so they may be larger than it. Batches are [features, targets] in the files'
/// own types.
class LEVIN_API NpyDataModule : public SplitDataModule {
 public:
  using Options = NpyDataModuleOptions;
  explicit NpyDataModule(Options options = {});

 protected:
  Parts make_datasets() override;

 private:
  Options options_;
};

}  // namespace levin
