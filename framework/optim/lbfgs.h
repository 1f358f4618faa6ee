#pragma once
#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// `torch.optim.LBFGS`'s arguments and defaults.
struct LBFGSOptions {
  double lr = 1;
  std::int64_t max_iter = 20;
  std::optional<std::int64_t> max_eval = std::nullopt;
  double tolerance_grad = 1e-7;
  double tolerance_change = 1e-9;
  std::int64_t history_size = 100;
  std::optional<std::string> line_search_fn = std::nullopt;
};
template <class V>
void fields(V&& f, LBFGSOptions& o) {
  f("lr", o.lr, "length of a step along the direction; with a line search, of the first one tried");
  f("max_iter", o.max_iter, "directions per step");
  f("max_eval", o.max_eval, "calls of the closure per step; null: max_iter * 5 / 4");
  f("tolerance_grad", o.tolerance_grad, "stop when no gradient is larger");
  f("tolerance_change", o.tolerance_change, "stop when the loss or the parameters change by less");
  f("history_size", o.history_size, "how many past directions the next one is made from");
  f("line_search_fn", o.line_search_fn, "strong_wolfe, or null for steps of length lr");
}

/// Limited-memory BFGS. One `step` calls its closure many times and moves the parameters in between, so the closure has to compute the
/// loss anew, with its gradients, each time; the Trainer's does. All parameters are one group on one device, and the history is
/// `history_size` times as large as they are. Each decision waits for the device.
///
/// State, all with the first parameter as in Python: `func_evals`, `n_iter`, `d`, `t`, `old_dirs`, `old_stps`, `ro`, `H_diag`,
/// `prev_flat_grad`, `prev_loss`, `al`.
class LEVIN_API LBFGS : public Optimizer {
 public:
  using Options = LBFGSOptions;
  /// ValueError, in torch's words, for options out of range and for more than one group; RuntimeError for another line search.
  explicit LBFGS(std::vector<at::Tensor> params, Options options = {});
  explicit LBFGS(const std::vector<ParamGroup>& groups, Options options = {});
  ~LBFGS() override;

  const char* class_name() const override { return "LBFGS"; }
  const Options& options() const;
  /// TypeError without a closure.
  at::Tensor step(LossClosure closure = nullptr) override;

 protected:
  void write_group(std::size_t group, Dict& out) const override;
  void read_group(std::size_t group, const Dict& in) override;
  void write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const override;
  void read_state(const at::Tensor& parameter, const Dict& in) override;
  void check_state(const at::Tensor& parameter, const Dict& in) const override;

 private:
  struct State;
  State& state();
  const at::Tensor& first() const { return param_groups()[0].params().front(); }
  at::Tensor flat_gradient() const;
  void move(double step, const at::Tensor& direction);
  at::Tensor next_direction(State& s, const at::Tensor& gradient);
};

/// `optim::lbfgs(parameters(), {.max_iter = 10, .line_search_fn = "strong_wolfe"})`
LEVIN_API std::shared_ptr<LBFGS> lbfgs(std::vector<at::Tensor> params, LBFGSOptions options = {});

}  // namespace levin::optim
