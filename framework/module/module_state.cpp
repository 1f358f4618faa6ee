// A module's state_dict, in Python's order and with Python's words.
#include <ATen/core/grad_mode.h>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/module/metric_module.h"
#include "levin/framework/tensors/tensors.h"

namespace levin {
namespace {

// Own parameters, own buffers, then children: the order of Python's state_dict. Metrics are visited whole.
template <class F, class G>
void for_each_entry(const torch::nn::Module& module, const std::string& prefix, F&& visit, G&& visit_metric) {
  if (const auto* holder = dynamic_cast<const MetricModule*>(&module)) return visit_metric(prefix, *holder->metric());
  for (const auto& item : module.named_parameters(/*recurse=*/false))
    if (item.value().defined()) visit(prefix + item.key(), item.value());
  for (const auto& item : module.named_buffers(/*recurse=*/false))
    if (item.value().defined()) visit(prefix + item.key(), item.value());
  for (const auto& child : module.named_children()) for_each_entry(*child.value(), prefix + child.key() + ".", visit, visit_metric);
}

// Python modules carry a layout version; those with running statistics are at 2 since `num_batches_tracked` came.
void add_metadata(const torch::nn::Module& module, const std::string& prefix, Value& metadata) {
  const bool running_statistics = module.named_buffers(false).contains("num_batches_tracked");
  metadata[prefix] = Dict{{"version", running_statistics ? 2 : 1}};
  for (const auto& child : module.named_children())
    add_metadata(*child.value(), prefix.empty() ? child.key() : prefix + "." + child.key(), metadata);
}

std::string shape_text(at::IntArrayRef sizes) {
  std::string out = "torch.Size([";
  for (std::size_t i = 0; i < sizes.size(); ++i) out += (i ? ", " : "") + std::to_string(sizes[i]);
  return out + "])";
}

std::string quoted(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "\"" : ", \"") + name + "\"";
  return out;
}

}  // namespace

Value LightningModule::state_dict() const {
  Value state = Value::ordered_dict();
  TensorExporter exporter;
  for_each_entry(*this, "", [&](const std::string& name, const at::Tensor& tensor) {
    state[name] = exporter(tensor.detach());
  }, [&](const std::string& prefix, const metrics::Metric& metric) {
    const Value persistent = metric.state_dict();
    for (const auto& [name, value] : persistent.as_dict()) state[prefix + name.as_string()] = value;
  });
  Value metadata = Value::ordered_dict();
  add_metadata(*this, "", metadata);
  state.as_dict().attributes = Dict{{"_metadata", metadata}};
  return state;
}

void LightningModule::load_state_dict(const Value& state, bool strict) {
  at::NoGradGuard no_grad;
  TensorImporter importer;
  std::vector<std::string> missing, unexpected, known;
  std::string mismatched;
  for_each_entry(*this, "", [&](const std::string& name, at::Tensor tensor) {
    known.push_back(name);
    const Value* saved = state.find(name);
    if (!saved) return missing.push_back(name);
    const TensorRef& source = saved->as_tensor();
    if (tensor.sizes() != at::IntArrayRef(source.sizes)) {
      mismatched += "\n\tsize mismatch for " + name + ": copying a param with shape " + shape_text(source.sizes) +
                    " from checkpoint, the shape in current model is " + shape_text(tensor.sizes()) + ".";
      return;
    }
    tensor.copy_(importer(source));
  }, [&](const std::string& prefix, metrics::Metric& metric) {
    Value saved = Value::dict();
    for (const std::string& name : metric.state_names()) {
      const Value* found = state.find(prefix + name);
      if (!found) continue;
      saved[name] = *found;
      known.push_back(prefix + name);
    }
    metric.load_state_dict(saved);
  });
  for (const auto& [key, unused] : state.as_dict())
    if (std::find(known.begin(), known.end(), key.as_string()) == known.end()) unexpected.push_back(key.as_string());

  std::string problems = mismatched;
  if (strict && !unexpected.empty()) problems = "\n\tUnexpected key(s) in state_dict: " + quoted(unexpected) + ". " + problems;
  if (strict && !missing.empty()) problems = "\n\tMissing key(s) in state_dict: " + quoted(missing) + ". " + problems;
  if (!problems.empty())
    throw RuntimeError("Error(s) in loading state_dict for " + class_name(*this) + ":" + problems);
  // Only without `strict` do these get here. Lightning's words.
  if (!missing.empty()) rank_zero_warn("Found keys that are in the model state dict but not in the checkpoint: " + Value::list({missing.begin(), missing.end()}).repr(4096));
  if (!unexpected.empty()) rank_zero_warn("Found keys that are not in the model state dict but in the checkpoint: " + Value::list({unexpected.begin(), unexpected.end()}).repr(4096));
}

}  // namespace levin
