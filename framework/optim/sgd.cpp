#include "levin/framework/optim/sgd.h"

#include <ATen/ops/_fused_sgd.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"

namespace levin::optim {
namespace {

SGDOptions checked(const SGDOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.momentum >= 0, "Invalid momentum value: ", o.momentum);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
  if (o.nesterov && (o.momentum <= 0 || o.dampening != 0))
    throw ValueError("Nesterov momentum requires a momentum and zero dampening");
  return o;
}

}  // namespace

SGD::SGD(std::vector<at::Tensor> params, Options options) : SGD(std::vector<ParamGroup>{{std::move(params)}}, options) {}

SGD::SGD(const std::vector<ParamGroup>& groups, Options options)
    : FusedOptimizer(make_groups(groups, checked(options)), std::make_unique<GroupOptions<Options>>(options),
                     {{"momentum_buffer"}}) {
  for (std::size_t i = 0; i < groups.size(); ++i) checked(this->options(i));
}

SGD::~SGD() = default;

const SGDOptions& SGD::options(std::size_t group) const {
  return static_cast<const GroupOptions<Options>&>(group_options(group)).values;
}

SGDOptions& SGD::mutable_options(std::size_t group) { return static_cast<GroupOptions<Options>&>(group_options(group)).values; }

std::optional<double> SGD::momentum(std::size_t group) const { return options(group).momentum; }

void SGD::set_momentum(std::size_t group, double momentum) { mutable_options(group).momentum = momentum; }

std::size_t SGD::columns_in_use(std::size_t group) const { return options(group).momentum != 0 ? 1 : 0; }

void SGD::update(std::size_t group, FusedBucket& bucket) {
  const Options& o = options(group);
  const at::TensorList momenta = bucket.state.empty() ? at::TensorList() : at::TensorList(bucket.state[0]);
  at::_fused_sgd_(bucket.parameters, bucket.gradients, momenta, o.weight_decay, o.momentum, o.lr, o.dampening, o.nesterov,
                  o.maximize, bucket.fresh);
}

void SGD::write_group(std::size_t group, Dict& out) const {
  const Options& o = options(group);
  out = Dict{{"lr", o.lr},           {"momentum", o.momentum}, {"dampening", o.dampening},
             {"weight_decay", o.weight_decay}, {"nesterov", o.nesterov}, {"maximize", o.maximize},
             {"foreach", {}},        {"differentiable", false}, {"fused", {}}};
}

void SGD::read_group(std::size_t group, const Dict& in) {
  Optimizer::read_group(group, in);
  Options& o = mutable_options(group);
  read_entry(in, "momentum", o.momentum);
  read_entry(in, "dampening", o.dampening);
  read_entry(in, "weight_decay", o.weight_decay);
  read_entry(in, "nesterov", o.nesterov);
  read_entry(in, "maximize", o.maximize);
}

std::shared_ptr<SGD> sgd(std::vector<at::Tensor> params, SGDOptions options) {
  return std::make_shared<SGD>(std::move(params), options);
}

std::shared_ptr<SGD> sgd(const std::vector<ParamGroup>& groups, SGDOptions options) {
  return std::make_shared<SGD>(groups, options);
}

}  // namespace levin::optim
