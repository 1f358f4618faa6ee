#include "levin/callbacks/model_summary.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "levin/callbacks/layer_sizes.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/table.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

using torch::nn::Module;

// Tied parameters count once.
std::int64_t parameter_count(const Module& module, bool trainable_only = false) {
  std::int64_t n = 0;
  std::unordered_set<const void*> seen;
  for (const at::Tensor& parameter : module.parameters())
    if (parameter.defined() && seen.insert(parameter.unsafeGetTensorImpl()).second && (!trainable_only || parameter.requires_grad()))
      n += parameter.numel();
  return n;
}

// LibTorch calls a layer "torch::nn::LinearImpl"; Python calls it "Linear".
std::string type_name(const Module& module) {
  std::string name = module.name();
  if (const auto colons = name.rfind("::"); colons != name.npos) name = name.substr(colons + 2);
  if (name.ends_with("Impl")) name.resize(name.size() - 4);
  return name;
}

struct Layer {
  std::string name;
  const Module* module;
  std::int64_t depth;
};

// All submodules, each once, parents before children.
void walk(const Module& module, const std::string& prefix, std::int64_t depth, std::unordered_set<const Module*>& seen, std::vector<Layer>& out) {
  for (const auto& child : module.named_children()) {
    if (!seen.insert(child.value().get()).second) continue;
    out.push_back({prefix + child.key(), child.value().get(), depth});
    walk(*child.value(), prefix + child.key() + ".", depth + 1, seen, out);
  }
}

double bytes_per_parameter(const LightningModule& module) {
  if (!module.is_attached()) return 4;
  static const std::map<std::string, double> bytes{{"64", 8}, {"32", 4}, {"16", 2}, {"bf16", 2}, {"16-true", 2}, {"bf16-true", 2}, {"32-true", 4}, {"64-true", 8}};
  const std::string precision = module.trainer().precision();
  const auto found = bytes.find(precision);
  if (found != bytes.end()) return found->second;
  rank_zero_warn("Precision " + precision + " is not supported by the model summary.  Estimated model size in MB will not be accurate. Using 32 bits instead.");
  return 4;
}

void check(std::int64_t max_depth) {
  if (max_depth < -1) throw ValueError("`max_depth` can be -1, 0 or > 0, got " + std::to_string(max_depth) + ".");
}

}  // namespace

ModelSummary::ModelSummary(Options options) : options_(options) { check(options_.max_depth); }

std::string summarize(LightningModule& module, std::int64_t max_depth, const std::function<void()>& example) {
  check(max_depth);
  const LayerSizes sizes = example ? layer_sizes(module, example) : LayerSizes();
  std::vector<Layer> layers;
  std::unordered_set<const Module*> seen;
  walk(module, "", 1, seen, layers);

  std::vector<SummaryRow> rows;
  SummaryTotals totals;
  std::int64_t in_rows = 0;
  for (const Layer& layer : layers) {
    ++(layer.module->is_training() ? totals.train_modules : totals.eval_modules);
    if (max_depth != -1 && layer.depth > max_depth) continue;
    const LayerSizes::Layer& size = sizes[*layer.module];
    rows.push_back({.name = layer.name, .type = type_name(*layer.module), .params = parameter_count(*layer.module),
                    .train_mode = layer.module->is_training(), .flops = size.flops});
    in_rows += rows.back().params;
    if (example) rows.back().in_sizes = size.in, rows.back().out_sizes = size.out;
  }
  totals.total_params = parameter_count(module);
  totals.trainable_params = parameter_count(module, /*trainable_only=*/true);
  totals.other_params = totals.total_params - in_rows;
  totals.model_size_mb = static_cast<double>(totals.total_params) * bytes_per_parameter(module) * 1e-6;
  totals.flops = sizes.total_flops;
  return summary_table(rows, totals);
}

namespace {

// LibTorch has no `forward` that could be called of any module; `predict_step` is what Lightning's own calls it from.
std::string with_example(LightningModule& module, std::int64_t max_depth) {
  if (module.example_input_array.is_none() || !module.overrides().predict_step) return summarize(module, max_depth);
  Batch input = module.on_before_batch_transfer(module.example_input_array, 0);
  input = module.on_after_batch_transfer(module.transfer_batch_to_device(std::move(input), module.device(), 0), 0);
  try {
    return summarize(module, max_depth, [&] { module.predict_step(input, 0); });
  } catch (const MisconfigurationException&) {
    return summarize(module, max_depth);  // of a module whose type is not known, and which has no such step
  }
}

}  // namespace

void ModelSummary::on_fit_start(Trainer& trainer, LightningModule& module) {
  if (options_.max_depth == 0) return;
  const std::string table = with_example(module, options_.max_depth);
  if (trainer.is_global_zero()) rank_zero_info("\n" + table);
}

}  // namespace levin
