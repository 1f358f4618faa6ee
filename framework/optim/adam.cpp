#include "levin/framework/optim/adam.h"

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/optim/adamw.h"
#include "levin/framework/tensors/tensors.h"

namespace levin::optim {
namespace {

struct AdamGroup : GroupOptions {
  std::array<double, 2> betas{};
  double eps = 0;
  bool amsgrad = false;
  std::unique_ptr<torch::optim::OptimizerOptions> clone() const override { return std::make_unique<AdamGroup>(*this); }
};

AdamGroup checked(const AdamOptions& o) {
  if (o.lr < 0.0) throw ValueError("Invalid learning rate: " + python_repr(o.lr));
  if (o.eps < 0.0) throw ValueError("Invalid epsilon value: " + python_repr(o.eps));
  for (std::size_t i = 0; i < 2; ++i) {
    if (!(o.betas[i] >= 0.0 && o.betas[i] < 1.0))
      throw ValueError("Invalid beta parameter at index " + std::to_string(i) + ": " + python_repr(o.betas[i]));
  }
  if (o.weight_decay < 0.0) throw ValueError("Invalid weight_decay value: " + python_repr(o.weight_decay));
  AdamGroup group;
  group.lr = o.lr;
  group.weight_decay = o.weight_decay;
  group.maximize = o.maximize;
  group.betas = o.betas;
  group.eps = o.eps;
  group.amsgrad = o.amsgrad;
  return group;
}

}  // namespace

Adam::Adam(std::vector<ParamGroup> groups, const Options& options, bool decoupled_weight_decay)
    : Optimizer(make_groups(std::move(groups), checked(options)), std::make_unique<AdamGroup>(checked(options))),
      decoupled_(decoupled_weight_decay) {
  for (std::size_t g = 0; g < group_count(); ++g) states_.emplace_back(params(g).size());
}

void Adam::update(std::size_t group, const std::vector<std::size_t>& present) {
  const auto& o = static_cast<const AdamGroup&>(options(group));
  for (auto* list : {&params_, &grads_, &exp_avgs_, &exp_avg_sqs_, &max_exp_avg_sqs_, &steps_}) list->clear();
  for (const std::size_t i : present) {
    const at::Tensor& parameter = params(group)[i];
    State& state = states_[group][i];
    if (!state.step.defined()) {
      state.step = at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false));
      state.exp_avg = at::zeros_like(parameter);
      state.exp_avg_sq = at::zeros_like(parameter);
      if (o.amsgrad) state.max_exp_avg_sq = at::zeros_like(parameter);
    }
    // The kernels want the number of the step being taken.
    if (state.step.is_cpu()) *state.step.mutable_data_ptr<float>() += 1;
    else state.step.add_(1);
    params_.push_back(parameter);
    grads_.push_back(parameter.grad());
    exp_avgs_.push_back(state.exp_avg);
    exp_avg_sqs_.push_back(state.exp_avg_sq);
    if (o.amsgrad) max_exp_avg_sqs_.push_back(state.max_exp_avg_sq);
    steps_.push_back(state.step);
  }
  const auto kernel = [&](auto&& fused) {
    fused(params_, grads_, exp_avgs_, exp_avg_sqs_, max_exp_avg_sqs_, steps_, o.lr, o.betas[0], o.betas[1], o.weight_decay, o.eps,
          o.amsgrad, o.maximize);
  };
  if (decoupled_) kernel([](auto&&... args) { at::_fused_adamw_(args...); });
  else kernel([](auto&&... args) { at::_fused_adam_(args...); });
}

Value Adam::group_settings(const GroupOptions& options) const {
  const auto& o = static_cast<const AdamGroup&>(options);
  return Dict{{"lr", o.lr}, {"betas", Value::tuple({o.betas[0], o.betas[1]})}, {"eps", o.eps}, {"weight_decay", o.weight_decay},
              {"amsgrad", o.amsgrad}, {"maximize", o.maximize}, {"foreach", nullptr}, {"capturable", false},
              {"differentiable", false}, {"fused", nullptr}, {"decoupled_weight_decay", decoupled_}};
}

void Adam::load_group_settings(GroupOptions& options, const Value& settings) const {
  auto& o = static_cast<AdamGroup&>(options);
  const List& betas = settings.at("betas").items();
  if (betas.size() != 2) throw ValueError("loaded state dict has " + std::to_string(betas.size()) + " betas, expected 2");
  o.betas = {betas[0].number(), betas[1].number()};
  o.eps = settings.at("eps").number();
  o.weight_decay = settings.at("weight_decay").number();
  o.amsgrad = settings.at("amsgrad").as_bool();
  o.maximize = settings.at("maximize").as_bool();
}

Value Adam::param_state(std::size_t group, std::size_t index) const {
  const State& state = states_[group][index];
  Value out = Value::dict();
  if (!state.step.defined()) return out;
  out["step"] = to_tensor_ref(state.step);
  out["exp_avg"] = to_tensor_ref(state.exp_avg);
  out["exp_avg_sq"] = to_tensor_ref(state.exp_avg_sq);
  if (state.max_exp_avg_sq.defined()) out["max_exp_avg_sq"] = to_tensor_ref(state.max_exp_avg_sq);
  return out;
}

void Adam::load_param_state(std::size_t group, std::size_t index, const Value& state) {
  const at::Tensor& parameter = params(group)[index];
  State& own = states_[group][index];
  // As in torch: the count of steps stays float32 whatever the parameter's type.
  own.step = at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)).fill_(state.at("step").number());
  own.exp_avg = like(parameter, state.at("exp_avg"));
  own.exp_avg_sq = like(parameter, state.at("exp_avg_sq"));
  if (const Value* max = state.find("max_exp_avg_sq")) own.max_exp_avg_sq = like(parameter, *max);
}

std::shared_ptr<Adam> adam(std::vector<at::Tensor> params, const AdamOptions& options) {
  return adam(std::vector<ParamGroup>{{std::move(params)}}, options);
}
std::shared_ptr<Adam> adam(std::vector<ParamGroup> groups, const AdamOptions& options) {
  return std::make_shared<Adam>(std::move(groups), options);
}
std::shared_ptr<AdamW> adamw(std::vector<at::Tensor> params, const AdamWOptions& options) {
  return adamw(std::vector<ParamGroup>{{std::move(params)}}, options);
}
std::shared_ptr<AdamW> adamw(std::vector<ParamGroup> groups, const AdamWOptions& options) {
  return std::make_shared<AdamW>(std::move(groups), options);
}

}  // namespace levin::optim
