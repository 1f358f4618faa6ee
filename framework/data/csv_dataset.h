#pragma once
#include <string>

#include "levin/framework/data/csv.h"
#include "levin/framework/data/tensor_dataset.h"

namespace levin {

/// The rows of a CSV file: sample i is [features] or [features, target], so batches are `batch[0]`
/// (float32 [n, features]) and `batch[1]` ([n]). Read whole at construction; errors as in
/// `read_csv`.
///
///     CsvDataset("data/digits.csv", {.target = "digit", .scale = 1.0 / 16})
class LEVIN_API CsvDataset : public TensorDataset {
 public:
  explicit CsvDataset(const std::string& path, const CsvOptions& options = {});
  /// All names of the header row.
  const std::vector<std::string>& columns() const { return columns_; }
  /// What the columns of `batch[0]` are.
  const std::vector<std::string>& feature_names() const { return feature_names_; }

 private:
  explicit CsvDataset(CsvData data);
  std::vector<std::string> columns_, feature_names_;
};

}  // namespace levin
