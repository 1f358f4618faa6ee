#include "levin/framework/optim/adam.h"

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>

namespace levin::optim {
namespace {

enum Column : std::size_t { step_count, exp_avg, exp_avg_sq, max_exp_avg_sq };

AdamOptions decoupled(const AdamWOptions& o) {
  return {.lr = o.lr,
          .betas = o.betas,
          .eps = o.eps,
          .weight_decay = o.weight_decay,
          .amsgrad = o.amsgrad,
          .foreach = o.foreach,
          .maximize = o.maximize,
          .capturable = o.capturable,
          .differentiable = o.differentiable,
          .fused = o.fused,
          .decoupled_weight_decay = true};
}

}  // namespace

void check(const AdamOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.eps >= 0, "Invalid epsilon value: ", o.eps);
  require_betas(o.betas);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
}

Adam::Adam(std::vector<at::Tensor> params, Options options) : Adam(std::vector<ParamGroup>{{std::move(params)}}, options) {}

Adam::Adam(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options,
                    {{"step", StateColumn::Kind::step}, {"exp_avg"}, {"exp_avg_sq"}, {"max_exp_avg_sq"}},
                    {"lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused",
                     "decoupled_weight_decay"}) {}

Adam::~Adam() = default;

bool Adam::uses(std::size_t group, std::size_t column) const { return column != max_exp_avg_sq || options(group).amsgrad; }

void Adam::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const AdamOptions& o = options(group);
  const auto& state = bucket.state;
  const auto run = [&](auto kernel) {
    in.with_lr([&](const auto& lr) {
      kernel(bucket.parameters, bucket.gradients, state[exp_avg], state[exp_avg_sq], state[max_exp_avg_sq], state[step_count], lr,
             o.betas[0], o.betas[1], o.weight_decay, o.eps, o.amsgrad, o.maximize, in.grad_scale, in.found_inf);
    });
  };
  if (o.decoupled_weight_decay) run([](auto&&... args) { at::_fused_adamw_(args...); });
  else run([](auto&&... args) { at::_fused_adam_(args...); });
}

AdamW::AdamW(std::vector<at::Tensor> params, Options options) : Adam(std::move(params), decoupled(options)) {}

AdamW::AdamW(const std::vector<ParamGroup>& groups, Options options) : Adam(groups, decoupled(options)) {}

AdamW::~AdamW() = default;

// As in torch: it stays AdamW with a state that Adam has saved.
void AdamW::read_group(std::size_t group, const Dict& in) {
  Adam::read_group(group, in);
  mutable_options(group).decoupled_weight_decay = true;
}

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
