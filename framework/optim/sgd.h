#pragma once
#include "levin/framework/optim/fused_optimizer.h"

namespace levin::optim {

/// `torch.optim.SGD`'s arguments and defaults.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
};
template <class V>
void fields(V&& f, SGDOptions& o) {
  f("lr", o.lr, "learning rate");
  f("momentum", o.momentum, "part of the last update that the next one keeps");
  f("dampening", o.dampening, "part of the gradient that does not enter the momentum");
  f("weight_decay", o.weight_decay, "L2 penalty, added to the gradient");
  f("nesterov", o.nesterov, "Nesterov momentum");
  f("maximize", o.maximize, "go up the gradient instead of down");
}

/// Stochastic gradient descent. State: `momentum_buffer`, only with momentum.
class LEVIN_API SGD : public FusedOptimizer {
 public:
  using Options = SGDOptions;
  /// ValueError, in torch's words, for options out of range.
  explicit SGD(std::vector<at::Tensor> params, Options options = {});
  explicit SGD(const std::vector<ParamGroup>& groups, Options options = {});
  ~SGD() override;

  const char* class_name() const override { return "SGD"; }
  const Options& options(std::size_t group) const;
  std::optional<double> momentum(std::size_t group) const override;
  void set_momentum(std::size_t group, double momentum) override;

 protected:
  std::size_t columns_in_use(std::size_t group) const override;
  void update(std::size_t group, FusedBucket& bucket) override;
  void write_group(std::size_t group, Dict& out) const override;
  void read_group(std::size_t group, const Dict& in) override;

 private:
  Options& mutable_options(std::size_t group);
};

/// `optim::sgd(parameters(), {.lr = 0.1, .momentum = 0.9})`
LEVIN_API std::shared_ptr<SGD> sgd(std::vector<at::Tensor> params, SGDOptions options = {});
LEVIN_API std::shared_ptr<SGD> sgd(const std::vector<ParamGroup>& groups, SGDOptions options = {});

}  // namespace levin::optim
