#include "levin/framework/optim/sgd.h"

#include <ATen/ops/_fused_sgd.h>

namespace levin::optim {

void check(const SGDOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.momentum >= 0, "Invalid momentum value: ", o.momentum);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
  if (o.nesterov && (o.momentum <= 0 || o.dampening != 0))
    throw ValueError("Nesterov momentum requires a momentum and zero dampening");
}

SGD::SGD(std::vector<at::Tensor> params, Options options) : SGD(std::vector<ParamGroup>{{std::move(params)}}, options) {}

SGD::SGD(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"momentum_buffer"}},
                    {"lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize", "foreach", "differentiable", "fused"}) {}

SGD::~SGD() = default;

bool SGD::uses(std::size_t group, std::size_t) const { return options(group).momentum != 0; }

void SGD::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  in.with_lr([&](const auto& lr) {
    at::_fused_sgd_(bucket.parameters, bucket.gradients, bucket.state[0], o.weight_decay, o.momentum, lr, o.dampening, o.nesterov,
                    o.maximize, bucket.fresh, in.grad_scale, in.found_inf);
  });
}

std::shared_ptr<SGD> sgd(std::vector<at::Tensor> params, SGDOptions options) {
  return std::make_shared<SGD>(std::move(params), options);
}

std::shared_ptr<SGD> sgd(const std::vector<ParamGroup>& groups, SGDOptions options) {
  return std::make_shared<SGD>(groups, options);
}

}  // namespace levin::optim
