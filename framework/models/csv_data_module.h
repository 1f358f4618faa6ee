#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/models/split_data_module.h"

namespace levin {

struct CsvDataModuleOptions {
  std::string path;
  std::string target;
  std::vector<std::string> features = {};
  std::string target_dtype = "int64";
  double scale = 1.0;
  std::string delimiter = ",";
  double val_fraction = 0.2;
  double test_fraction = 0.0;
  std::int64_t split_seed = 0;
  std::int64_t batch_size = 32;
  std::int64_t num_workers = 0;
};

template <class V>
void fields(V&& f, CsvDataModuleOptions& o) {
  f("path", o.path, "the CSV file: a header row, then one sample a line");
  f("target", o.target, "the column to predict; empty: none");
  f("features", o.features, "columns that become features; empty: all but the target");
  f("target_dtype", o.target_dtype, "int64 for class labels, or float32");
  f("scale", o.scale, "every feature is multiplied by this");
  f("delimiter", o.delimiter, "what stands between cells");
  split_fields(f, o);
}

/// Rows of one CSV file, split at random into training, validation and test parts. Batches are [features, target]; predicting goes
/// over all rows in the file's order.
class LEVIN_API CsvDataModule : public SplitDataModule {
 public:
  using Options = CsvDataModuleOptions;
  explicit CsvDataModule(Options options = {});

 protected:
  /// Reads the file; errors name line and column.
  Parts make_datasets() override;

 private:
  Options options_;
};

}  // namespace levin
