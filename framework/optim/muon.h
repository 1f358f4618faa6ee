#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.Muon`'s arguments and defaults.
struct MuonOptions {
  double lr = 1e-3;
  double weight_decay = 0.1;
  double momentum = 0.95;
  bool nesterov = true;
  std::array<double, 3> ns_coefficients = {3.4445, -4.7750, 2.0315};
  double eps = 1e-7;
  std::int64_t ns_steps = 5;
  std::optional<std::string> adjust_lr_fn = std::nullopt;
};
template <class V>
void fields(V&& f, MuonOptions& o) {
  f("lr", o.lr, "learning rate");
  f("weight_decay", o.weight_decay, "how much the parameters shrink per step, times lr");
  f("momentum", o.momentum, "decay of the running mean of the gradient");
  f("nesterov", o.nesterov, "Nesterov momentum");
  f("ns_coefficients", o.ns_coefficients, "of the Newton-Schulz iteration");
  f("eps", o.eps, "the least norm that a matrix is divided by");
  f("ns_steps", o.ns_steps, "Newton-Schulz iterations, below 100");
  f("adjust_lr_fn", o.adjust_lr_fn, "how the rate depends on a matrix's shape: \"original\" (null too) or \"match_rms_adamw\"");
}
LEVIN_API void check(const MuonOptions& options);

/// Muon, for matrices only: the update is the orthogonal matrix nearest to the momentum, found by Newton-Schulz iterations in bfloat16.
/// Embeddings, biases and heads belong to another optimizer. State: `momentum_buffer`. Matrix products are nearly all of a step, so each
/// parameter is updated with plain operators, on every device, as in torch.
class LEVIN_API Muon : public OptimizerWith<MuonOptions> {
 public:
  explicit Muon(std::vector<at::Tensor> params, Options options = {});
  explicit Muon(const std::vector<ParamGroup>& groups, Options options = {});
  ~Muon() override;
  const char* class_name() const override { return "Muon"; }

 protected:
  void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) override;
};

/// `optim::muon(matrices, {.lr = 0.02})`
LEVIN_API std::shared_ptr<Muon> muon(std::vector<at::Tensor> params, MuonOptions options = {});
LEVIN_API std::shared_ptr<Muon> muon(const std::vector<ParamGroup>& groups, MuonOptions options = {});

}  // namespace levin::optim
