#include "levin/callbacks/model_summary.h"

#include <set>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/table.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

std::int64_t parameter_count(const torch::nn::Module& module) {
  std::int64_t n = 0;
  for (const at::Tensor& parameter : module.parameters()) n += parameter.numel();
  return n;
}

// LibTorch calls a layer "torch::nn::LinearImpl"; Python calls it "Linear".
std::string type_name(const torch::nn::Module& module) {
  std::string name = module.name();
  if (const auto colons = name.rfind("::"); colons != name.npos) name = name.substr(colons + 2);
  if (name.ends_with("Impl")) name.resize(name.size() - 4);
  return name;
}

void add_rows(const torch::nn::Module& module, const std::string& prefix, std::int64_t depth, std::vector<SummaryRow>& rows) {
  if (depth == 0) return;
  for (const auto& child : module.named_children()) {
    const torch::nn::Module& layer = *child.value();
    rows.push_back({.name = prefix + child.key(), .type = type_name(layer), .params = parameter_count(layer), .train_mode = layer.is_training()});
    add_rows(layer, prefix + child.key() + ".", depth - 1, rows);
  }
}

void count_modes(const torch::nn::Module& module, SummaryTotals& totals) {
  for (const auto& child : module.children()) {
    ++(child->is_training() ? totals.train_modules : totals.eval_modules);
    count_modes(*child, totals);
  }
}

}  // namespace

ModelSummary::ModelSummary(Options options) : options_(options) {
  if (options_.max_depth < -1) throw ValueError("`max_depth` can be -1, 0 or > 0, got " + std::to_string(options_.max_depth) + ".");
}

std::string summarize(const LightningModule& module, std::int64_t max_depth) {
  std::vector<SummaryRow> rows;
  add_rows(module, "", max_depth, rows);
  SummaryTotals totals;
  std::int64_t in_children = 0;
  for (const auto& child : module.children()) in_children += parameter_count(*child);
  std::int64_t bytes = 0;
  for (const at::Tensor& parameter : module.parameters()) {
    totals.total_params += parameter.numel();
    bytes += parameter.numel() * static_cast<std::int64_t>(parameter.element_size());
    if (parameter.requires_grad()) totals.trainable_params += parameter.numel();
  }
  totals.other_params = totals.total_params - in_children;
  totals.model_size_mb = static_cast<double>(bytes) * 1e-6;
  count_modes(module, totals);
  return summary_table(rows, totals);
}

void ModelSummary::on_fit_start(Trainer& trainer, LightningModule& module) {
  if (options_.max_depth != 0 && trainer.is_global_zero()) rank_zero_info("\n" + summarize(module, options_.max_depth));
}

}  // namespace levin
