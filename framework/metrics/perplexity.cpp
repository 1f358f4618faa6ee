#include "levin/framework/metrics/perplexity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/classification.h"
#include "levin/framework/tensors/tensors.h"

namespace levin::metrics {
namespace {

void check(const at::Tensor& preds, const at::Tensor& target) {
  const auto type = [](const at::Tensor& tensor) { return std::string("torch.") + dtype_name(to_dtype(tensor.scalar_type())); };
  if (preds.dim() != 3) {
    throw ValueError("Input tensor `preds` is expected to have 3 dimensions, [batch_size, seq_len, vocab_size], but got " +
                     std::to_string(preds.dim()) + ".");
  }
  if (target.dim() != 2)
    throw ValueError("Input tensor `target` is expected to have 2 dimensions, [batch_size, seq_len], but got " + std::to_string(target.dim()) + ".");
  if (preds.sizes().slice(0, 2) != target.sizes()) {
    throw ValueError("Input tensors `preds` and `target` are expected to have equaling first two dimensions, [batch_size, seq_len], but got " +
                     size_text(preds.sizes().slice(0, 2)) + " and " + size_text(target.sizes()) + ".");
  }
  if (!preds.is_floating_point())
    throw TypeError("Input tensor `preds` is expected to be of floating point type but got " + type(preds) + ".");
  if (target.scalar_type() != at::kLong)
    throw TypeError("Input tensor `target` is expected to be of a type torch.int64 but got " + type(target) + ".");
}

}  // namespace

Perplexity::Perplexity(Options options) : options_(options) {
  full_state_update = false;
  add_state("total_log_probs", total_log_probs_, at::zeros({}), "sum");
  add_state("count", count_, at::zeros({}), "sum");
}
Perplexity::~Perplexity() = default;

void Perplexity::update_state(Inputs inputs) {
  const auto& [preds, target] = take<2>(inputs, "preds, target");
  check(preds, target);
  at::Tensor tokens = target.reshape(-1);
  const at::Tensor valid = counted(tokens, options_.ignore_index);
  if (valid.defined()) tokens = tokens.masked_fill(valid.logical_not(), 0);
  const at::Tensor probabilities = at::softmax(preds.reshape({-1, preds.size(2)}), 1).gather(1, tokens.unsqueeze(1)).squeeze(1);
  const at::Tensor logs = probabilities.log();
  total_log_probs_ = total_log_probs_ - (valid.defined() ? logs.masked_fill(valid.logical_not(), 0) : logs).sum();
  count_ = valid.defined() ? count_ + valid.sum() : count_ + tokens.numel();
}

at::Tensor Perplexity::compute_value() { return (total_log_probs_ / count_).exp(); }

}  // namespace levin::metrics
