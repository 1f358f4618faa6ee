#include "levin/framework/data/csv_dataset.h"

#include <utility>

namespace levin {
namespace {
std::vector<at::Tensor> tensors_of(const CsvData& data) {
  if (!data.target.defined()) return {data.features};
  return {data.features, data.target};
}
}  // namespace

CsvDataset::CsvDataset(const std::string& path, const CsvOptions& options)
    : CsvDataset(read_csv(path, options)) {}

CsvDataset::CsvDataset(CsvData data)
    : TensorDataset(tensors_of(data)),
      columns_(std::move(data.columns)),
      feature_names_(std::move(data.feature_names)) {}

}  // namespace levin
