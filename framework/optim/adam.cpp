#include "levin/framework/optim/adam.h"

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>

#include "levin/framework/optim/group_reader.h"

namespace levin::optim {
namespace {

enum Column : std::size_t { step_count, exp_avg, exp_avg_sq, max_exp_avg_sq };

AdamOptions checked(const AdamOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.eps >= 0, "Invalid epsilon value: ", o.eps);
  require(o.betas[0] >= 0 && o.betas[0] < 1, "Invalid beta parameter at index 0: ", o.betas[0]);
  require(o.betas[1] >= 0 && o.betas[1] < 1, "Invalid beta parameter at index 1: ", o.betas[1]);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
  return o;
}

AdamOptions decoupled(const AdamWOptions& o) { return {o.lr, o.betas, o.eps, o.weight_decay, o.amsgrad, o.maximize, true}; }

}  // namespace

Adam::Adam(std::vector<at::Tensor> params, Options options) : Adam(std::vector<ParamGroup>{{std::move(params)}}, options) {}

Adam::Adam(const std::vector<ParamGroup>& groups, Options options)
    : FusedOptimizer(make_groups(groups, checked(options)), std::make_unique<GroupOptions<Options>>(options),
                     {{"step", true}, {"exp_avg"}, {"exp_avg_sq"}, {"max_exp_avg_sq"}}) {
  for (std::size_t i = 0; i < groups.size(); ++i) checked(this->options(i));
}

Adam::~Adam() = default;

const AdamOptions& Adam::options(std::size_t group) const {
  return static_cast<const GroupOptions<AdamOptions>&>(group_options(group)).values;
}

AdamOptions& Adam::mutable_options(std::size_t group) {
  return static_cast<GroupOptions<AdamOptions>&>(group_options(group)).values;
}

std::optional<std::array<double, 2>> Adam::betas(std::size_t group) const { return options(group).betas; }

void Adam::set_betas(std::size_t group, std::array<double, 2> betas) { mutable_options(group).betas = betas; }

std::size_t Adam::columns_in_use(std::size_t group) const { return options(group).amsgrad ? 4 : 3; }

void Adam::update(std::size_t group, FusedBucket& bucket) {
  const AdamOptions& o = options(group);
  const auto& state = bucket.state;
  const at::TensorList largest = o.amsgrad ? at::TensorList(state[max_exp_avg_sq]) : at::TensorList();
  const auto run = [&](auto kernel) {
    kernel(bucket.parameters, bucket.gradients, state[exp_avg], state[exp_avg_sq], largest, state[step_count], o.lr, o.betas[0],
           o.betas[1], o.weight_decay, o.eps, o.amsgrad, o.maximize);
  };
  if (o.decoupled_weight_decay) run([](auto&&... args) { at::_fused_adamw_(args...); });
  else run([](auto&&... args) { at::_fused_adam_(args...); });
}

void Adam::write_group(std::size_t group, Dict& out) const {
  const AdamOptions& o = options(group);
  out = Dict{{"lr", o.lr},
             {"betas", Value::tuple({o.betas[0], o.betas[1]})},
             {"eps", o.eps},
             {"weight_decay", o.weight_decay},
             {"amsgrad", o.amsgrad},
             {"maximize", o.maximize},
             {"foreach", {}},
             {"capturable", false},
             {"differentiable", false},
             {"fused", {}},
             {"decoupled_weight_decay", o.decoupled_weight_decay}};
}

void Adam::read_group(std::size_t group, const Dict& in) {
  Optimizer::read_group(group, in);
  AdamOptions& o = mutable_options(group);
  read_entry(in, "betas", o.betas);
  read_entry(in, "eps", o.eps);
  read_entry(in, "weight_decay", o.weight_decay);
  read_entry(in, "amsgrad", o.amsgrad);
  read_entry(in, "maximize", o.maximize);
  read_entry(in, "decoupled_weight_decay", o.decoupled_weight_decay);
}

AdamW::AdamW(std::vector<at::Tensor> params, Options options) : Adam(std::move(params), decoupled(options)) {}

AdamW::AdamW(const std::vector<ParamGroup>& groups, Options options) : Adam(groups, decoupled(options)) {}

AdamW::~AdamW() = default;

std::shared_ptr<Adam> adam(std::vector<at::Tensor> params, AdamOptions options) {
  return std::make_shared<Adam>(std::move(params), options);
}

std::shared_ptr<Adam> adam(const std::vector<ParamGroup>& groups, AdamOptions options) {
  return std::make_shared<Adam>(groups, options);
}

std::shared_ptr<AdamW> adamw(std::vector<at::Tensor> params, AdamWOptions options) {
  return std::make_shared<AdamW>(std::move(params), options);
}

std::shared_ptr<AdamW> adamw(const std::vector<ParamGroup>& groups, AdamWOptions options) {
  return std::make_shared<AdamW>(groups, options);
}

}  // namespace levin::optim
