#include "levin/callbacks/prediction_writer.h"

#include <algorithm>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/csv_cell.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/tensors/tensors.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

// A part of a larger tensor must not take all of it into the file.
TensorRef exported(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().cpu().contiguous();
  return to_tensor_ref(plain.nbytes() < plain.storage().nbytes() ? plain.clone() : plain);
}

Value to_value(const StepOutput& output) {
  if (output.is_tensor()) return exported(output.tensor());
  if (!output.is_dict()) return {};
  Value out = Value::dict();
  for (const auto& [name, tensor] : output.dict()) out[name] = exported(tensor);
  return out;
}

Value to_value(std::int64_t index) { return index; }

// One loader's list stands for itself, as in what `predict` returns in Lightning.
template <class T>
Value to_value(const std::vector<T>& items) {
  Value out = Value::list();
  for (const T& item : items) out.push_back(to_value(item));
  return out;
}
template <class T>
Value per_loader(const std::vector<T>& loaders) {
  return loaders.size() == 1 ? to_value(loaders.front()) : to_value(loaders);
}

void make_folder_of(const std::string& path) {
  if (const int error = real_files().make_directories(folder_of(path)); error < 0) throw_os_error(-error, folder_of(path));
}

void save_pt(const Value& value, const std::string& path) {
  make_folder_of(path);
  save_archive(value, path);
}

// Lines per sample; all batches have the columns of the first that has something.
class Table {
 public:
  void add(const StepOutput& output, const BasePredictionWriter::BatchIndices& indices, std::int64_t batch_idx, std::int64_t dataloader_idx) {
    std::vector<std::pair<std::string, at::Tensor>> columns;
    if (output.is_tensor()) columns.emplace_back("prediction", output.tensor());
    for (const auto& [name, tensor] : output.dict()) columns.emplace_back(name, tensor);
    if (columns.empty()) return;
    std::int64_t rows = -1;
    for (auto& [name, tensor] : columns) {
      if (tensor.dim() == 0) tensor = tensor.reshape({1});
      if (rows < 0) rows = tensor.size(0);
      if (rows != tensor.size(0)) {
        throw ValueError("PredictionWriter: '" + name + "' has " + std::to_string(tensor.size(0)) + " rows, '" + columns.front().first + "' has " +
                         std::to_string(rows) + "; a table needs one row per sample, write \"pt\" instead");
      }
      tensor = tensor.detach().cpu().to(tensor.is_floating_point() ? at::kDouble : at::kLong);
      tensor = (tensor.dim() == 1 ? tensor.unsqueeze(1) : tensor.flatten(1)).contiguous();
    }
    const std::string header = header_of(columns);
    if (text_.empty()) text_ = (header_ = header) + "\n";
    if (header != header_) {
      throw ValueError("PredictionWriter: batch " + std::to_string(batch_idx) + " of loader " + std::to_string(dataloader_idx) +
                       " has the columns '" + header + "', those before '" + header_ +
                       "'; a table needs the same ones everywhere, write \"pt\" instead");
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      text_ += std::to_string(dataloader_idx) + "," + std::to_string(batch_idx) + ",";
      if (rows == static_cast<std::int64_t>(indices.size())) text_ += std::to_string(indices[static_cast<std::size_t>(row)]);
      for (const auto& [name, tensor] : columns) add_numbers(tensor, row);
      text_ += "\n";
    }
  }
  void save(const std::string& path) const {
    make_folder_of(path);
    write_durably(real_files(), path, [&](ByteSink& sink) { sink.write(text_); }, {.expected_bytes = text_.size()});
  }

 private:
  static std::string header_of(const std::vector<std::pair<std::string, at::Tensor>>& columns) {
    std::string out = "dataloader_idx,batch_idx,index";
    for (const auto& [name, tensor] : columns)
      for (std::int64_t i = 0; i < tensor.size(1); ++i) append_csv_cell(out += ',', name + (tensor.size(1) == 1 ? "" : "_" + std::to_string(i)));
    return out;
  }
  void add_numbers(const at::Tensor& table, std::int64_t row) {
    const std::int64_t width = table.size(1);
    const bool whole = !table.is_floating_point();
    for (std::int64_t i = row * width; i < (row + 1) * width; ++i)
      text_ += "," + (whole ? std::to_string(table.const_data_ptr<std::int64_t>()[i]) : python_repr(table.const_data_ptr<double>()[i]));
  }

  std::string header_, text_;
};

}  // namespace

PredictionWriter::PredictionWriter(Options options)
    : BasePredictionWriter({.write_interval = options.write_interval}), options_(std::move(options)) {
  if (options_.output_dir.empty()) throw ValueError("PredictionWriter needs an `output_dir`");
  if (options_.formats.empty()) throw ValueError("PredictionWriter: `formats` is empty; give \"pt\", \"csv\" or both");
  for (const std::string& format : options_.formats)
    if (format != "pt" && format != "csv") throw ValueError("PredictionWriter: unknown format '" + format + "'; there are \"pt\" and \"csv\"");
}

bool PredictionWriter::writes(const char* format) const {
  return std::find(options_.formats.begin(), options_.formats.end(), format) != options_.formats.end();
}

void PredictionWriter::write_on_batch_end(Trainer& trainer, LightningModule&, const StepOutput& prediction, const BatchIndices& batch_indices,
                                          const Batch&, std::int64_t batch_idx, std::int64_t dataloader_idx) {
  const std::string rank = trainer.world_size() > 1 ? "_" + std::to_string(trainer.global_rank()) : "";
  const std::string path = options_.output_dir + "/" + std::to_string(dataloader_idx) + "/" + std::to_string(batch_idx) + rank;
  if (writes("pt")) save_pt(to_value(prediction), path + ".pt");
  if (!writes("csv")) return;
  Table table;
  table.add(prediction, batch_indices, batch_idx, dataloader_idx);
  table.save(path + ".csv");
}

void PredictionWriter::write_on_epoch_end(Trainer& trainer, LightningModule&, const Predictions& predictions, const EpochIndices& batch_indices) {
  const std::string rank = trainer.world_size() > 1 ? "_" + std::to_string(trainer.global_rank()) : "";
  const std::string path = options_.output_dir + "/predictions" + rank;
  if (writes("pt")) {
    save_pt(per_loader(predictions), path + ".pt");
    save_pt(per_loader(batch_indices), options_.output_dir + "/batch_indices" + rank + ".pt");
  }
  if (!writes("csv")) return;
  Table table;
  for (std::size_t loader = 0; loader < predictions.size(); ++loader) {
    for (std::size_t batch = 0; batch < predictions[loader].size(); ++batch) {
      const auto& known = batch_indices[loader];
      table.add(predictions[loader][batch], batch < known.size() ? known[batch] : BatchIndices(), static_cast<std::int64_t>(batch),
                static_cast<std::int64_t>(loader));
    }
  }
  table.save(path + ".csv");
}

}  // namespace levin
