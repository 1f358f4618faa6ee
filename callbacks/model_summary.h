#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "levin/framework/callback.h"

namespace levin {

struct ModelSummaryOptions {
  /// How deep to look: 1 shows the module's children; -1 everything, 0 nothing.
  std::int64_t max_depth = 1;
};
template <class V>
void fields(V&& f, ModelSummaryOptions& o) {
  f("max_depth", o.max_depth, "how deep to look; 1: children; -1: everything; 0: no summary");
}

/// Prints a table of the layers when fit begins, as Lightning's ModelSummary does: names, types, parameters, modes and FLOPs, then totals.
///
/// With `example_input_array` set on the module the table has sizes in and out and FLOPs: the example is run through `predict_step`, in
/// eval mode and without gradients (LibTorch has no `forward` that could be called of any module). Nor has it hooks on modules: sizes are
/// known of what a Sequential calls, of what `levin::call` calls, and of Linear, Conv, Embedding, LayerNorm and BatchNorm; of others it
/// says `?`.
class LEVIN_API ModelSummary : public Callback {
 public:
  using Options = ModelSummaryOptions;
  /// ValueError for a depth below -1.
  explicit ModelSummary(Options options = {});
  bool is_model_summary() const override { return true; }
  void on_fit_start(Trainer& trainer, LightningModule& module) override;

 private:
  Options options_;
};

/// The table itself; `example` calls the model with some input, for sizes and FLOPs. The model's size in MB counts parameters of the
/// trainer's precision, of 32 bits without a trainer.
LEVIN_API std::string summarize(LightningModule& module, std::int64_t max_depth = 1, const std::function<void()>& example = {});

}  // namespace levin
