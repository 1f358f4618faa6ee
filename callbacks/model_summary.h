#pragma once
#include <cstdint>
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

/// Prints a table of the layers with their parameters when fit begins, as Lightning's ModelSummary does.
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

/// The table itself.
LEVIN_API std::string summarize(const LightningModule& module, std::int64_t max_depth = 1);

}  // namespace levin
