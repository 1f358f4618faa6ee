#include "levin/framework/optim/adagrad.h"

#include <ATen/ops/_fused_adagrad.h>

namespace levin::optim {
namespace {

enum Column : std::size_t { step_count, sum };

}  // namespace

void check(const AdagradOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.lr_decay >= 0, "Invalid lr_decay value: ", o.lr_decay);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
  require(o.initial_accumulator_value >= 0, "Invalid initial_accumulator_value value: ", o.initial_accumulator_value);
  require(o.eps >= 0, "Invalid epsilon value: ", o.eps);
}

Adagrad::Adagrad(std::vector<at::Tensor> params, Options options) : Adagrad(std::vector<ParamGroup>{{std::move(params)}}, options) {}

Adagrad::Adagrad(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"step", StateColumn::Kind::step}, {"sum"}},
                    {"lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value", "foreach", "maximize",
                     "differentiable", "fused"}) {
  make_state();
}

Adagrad::~Adagrad() = default;

double Adagrad::initial_value(std::size_t group, std::size_t column) const {
  return column == sum ? options(group).initial_accumulator_value : 0;
}

void Adagrad::groups_changed() {
  OptimizerWith::groups_changed();
  make_state();
}

void Adagrad::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  in.with_lr([&](const auto& lr) {
    at::_fused_adagrad_(bucket.parameters, bucket.gradients, bucket.state[sum], bucket.state[step_count], lr, o.lr_decay,
                        o.weight_decay, o.eps, o.maximize, in.grad_scale, in.found_inf);
  });
}

std::shared_ptr<Adagrad> adagrad(std::vector<at::Tensor> params, AdagradOptions options) {
  return std::make_shared<Adagrad>(std::move(params), options);
}

std::shared_ptr<Adagrad> adagrad(const std::vector<ParamGroup>& groups, AdagradOptions options) {
  return std::make_shared<Adagrad>(groups, options);
}

}  // namespace levin::optim
