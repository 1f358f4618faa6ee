#pragma once
#include <optional>

#include "levin/framework/base/fields.h"
#include "levin/framework/metrics/metric.h"

namespace levin::metrics {

/// The argument of Perplexity.
struct PerplexityOptions {
  /// Targets of this value do not count.
  std::optional<std::int64_t> ignore_index = std::nullopt;
};
template <class V>
void fields(V&& f, PerplexityOptions& o) {
  f("ignore_index", o.ignore_index, "targets that do not count");
}

/// exp of the mean cross entropy per token, as `torchmetrics.text.Perplexity`. `update(preds, target)`: (batch, sequence, vocabulary)
/// logits and (batch, sequence) int64 tokens. States `total_log_probs` and `count`. Nothing waits for a device.
class LEVIN_API Perplexity final : public Metric {
 public:
  using Options = PerplexityOptions;
  explicit Perplexity(Options options = {});
  ~Perplexity() override;

 protected:
  void update_state(Inputs inputs) override;
  at::Tensor compute_value() override;

 private:
  Options options_;
  at::Tensor total_log_probs_, count_;
};

}  // namespace levin::metrics
