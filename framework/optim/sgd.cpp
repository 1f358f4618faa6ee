#include "levin/framework/optim/sgd.h"

#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/tensors/tensors.h"

namespace levin::optim {
namespace {

struct SGDGroup : GroupOptions {
  double momentum = 0, dampening = 0;
  bool nesterov = false;
  std::unique_ptr<torch::optim::OptimizerOptions> clone() const override { return std::make_unique<SGDGroup>(*this); }
};

SGDGroup checked(const SGDOptions& o) {
  if (o.lr < 0.0) throw ValueError("Invalid learning rate: " + python_repr(o.lr));
  if (o.momentum < 0.0) throw ValueError("Invalid momentum value: " + python_repr(o.momentum));
  if (o.weight_decay < 0.0) throw ValueError("Invalid weight_decay value: " + python_repr(o.weight_decay));
  if (o.nesterov && (o.momentum <= 0 || o.dampening != 0))
    throw ValueError("Nesterov momentum requires a momentum and zero dampening");
  SGDGroup group;
  group.lr = o.lr;
  group.weight_decay = o.weight_decay;
  group.maximize = o.maximize;
  group.momentum = o.momentum;
  group.dampening = o.dampening;
  group.nesterov = o.nesterov;
  return group;
}

}  // namespace

SGD::SGD(std::vector<ParamGroup> groups, const Options& options)
    : Optimizer(make_groups(std::move(groups), checked(options)), std::make_unique<SGDGroup>(checked(options))) {
  for (std::size_t g = 0; g < group_count(); ++g) momentum_buffers_.emplace_back(params(g).size());
}

void SGD::update(std::size_t group, const std::vector<std::size_t>& present) {
  const auto& o = static_cast<const SGDGroup&>(options(group));
  auto& buffers = momentum_buffers_[group];
  if (o.momentum == 0) return step_some(group, present, /*first_step=*/false);
  // Those that step for the first time come last, in a call of their own: the kernel fills their buffers.
  for (const bool first_step : {false, true}) {
    some_.clear();
    for (const std::size_t i : present)
      if (buffers[i].defined() != first_step) some_.push_back(i);
    if (some_.empty()) continue;
    if (first_step)
      for (const std::size_t i : some_) buffers[i] = at::empty_like(params(group)[i].grad());
    step_some(group, some_, first_step);
  }
}

void SGD::step_some(std::size_t group, const std::vector<std::size_t>& which, bool first_step) {
  const auto& o = static_cast<const SGDGroup&>(options(group));
  params_.clear();
  grads_.clear();
  buffers_.clear();
  for (const std::size_t i : which) {
    params_.push_back(params(group)[i]);
    grads_.push_back(params(group)[i].grad());
    if (o.momentum != 0) buffers_.push_back(momentum_buffers_[group][i]);
  }
  at::_fused_sgd_(params_, grads_, buffers_, o.weight_decay, o.momentum, o.lr, o.dampening, o.nesterov, o.maximize, first_step);
}

Value SGD::group_settings(const GroupOptions& options) const {
  const auto& o = static_cast<const SGDGroup&>(options);
  return Dict{{"lr", o.lr}, {"momentum", o.momentum}, {"dampening", o.dampening}, {"weight_decay", o.weight_decay},
              {"nesterov", o.nesterov}, {"maximize", o.maximize}, {"foreach", nullptr}, {"differentiable", false}, {"fused", nullptr}};
}

void SGD::load_group_settings(GroupOptions& options, const Value& settings) const {
  auto& o = static_cast<SGDGroup&>(options);
  o.momentum = settings.at("momentum").number();
  o.dampening = settings.at("dampening").number();
  o.weight_decay = settings.at("weight_decay").number();
  o.nesterov = settings.at("nesterov").as_bool();
  o.maximize = settings.at("maximize").as_bool();
}

Value SGD::param_state(std::size_t group, std::size_t index) const {
  const at::Tensor& buffer = momentum_buffers_[group][index];
  if (!buffer.defined()) return Value::dict();
  return Dict{{"momentum_buffer", to_tensor_ref(buffer)}};
}

void SGD::load_param_state(std::size_t group, std::size_t index, const Value& state) {
  const Value* buffer = state.find("momentum_buffer");
  momentum_buffers_[group][index] = buffer && !buffer->is_none() ? like(params(group)[index], *buffer) : at::Tensor();
}

std::shared_ptr<SGD> sgd(std::vector<at::Tensor> params, const SGDOptions& options) {
  return sgd(std::vector<ParamGroup>{{std::move(params)}}, options);
}
std::shared_ptr<SGD> sgd(std::vector<ParamGroup> groups, const SGDOptions& options) {
  return std::make_shared<SGD>(std::move(groups), options);
}

}  // namespace levin::optim
