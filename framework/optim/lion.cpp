#include "levin/framework/optim/lion.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sign.h>

#include "levin/framework/optim/cpu_kernel.h"
#include "levin/framework/optim/foreach_kernel.h"

namespace levin::optim {
namespace {

enum Column : std::size_t { exp_avg };

void update_by_kernel(FusedBucket& bucket, const LionOptions& o, double rate) {
  update_on_cpu<exp_avg>(bucket, [&](std::size_t, auto zero) {
    using N = decltype(zero);
    return [decayed = Decayed<N>(o.maximize, 0), lr = static_cast<N>(rate), shrink = static_cast<N>(1 - rate * o.weight_decay),
            beta1 = static_cast<N>(o.betas[0]), rest1 = static_cast<N>(1 - o.betas[0]), beta2 = static_cast<N>(o.betas[1]),
            rest2 = static_cast<N>(1 - o.betas[1])](N& p, N gradient, N& mean) {
      const N g = decayed(gradient, p);
      const N direction = beta1 * mean + rest1 * g;
      const N sign = static_cast<N>(direction > 0) - static_cast<N>(direction < 0);
      p = p * shrink - lr * (direction == direction ? sign : direction);  // a NaN stays one
      mean = beta2 * mean + rest2 * g;
    };
  });
}

void update_by_foreach(FusedBucket& bucket, const LionOptions& o, double rate) {
  auto& mean = bucket.state[exp_avg];
  const auto gradients = decayed_gradients(bucket, o.maximize, 0);
  if (o.weight_decay != 0) at::_foreach_mul_(bucket.parameters, 1 - rate * o.weight_decay);
  auto directions = at::_foreach_mul(mean, o.betas[0]);
  at::_foreach_add_(directions, gradients, 1 - o.betas[0]);
  at::_foreach_add_(bucket.parameters, at::_foreach_sign(directions), -rate);
  at::_foreach_mul_(mean, o.betas[1]);
  at::_foreach_add_(mean, gradients, 1 - o.betas[1]);
}

}  // namespace

void check(const LionOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require_betas(o.betas);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
}

Lion::Lion(std::vector<at::Tensor> params, Options options) : Lion(std::vector<ParamGroup>{{std::move(params)}}, options) {}

Lion::Lion(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"exp_avg"}},
                    {"lr", "betas", "weight_decay"}) {}

Lion::~Lion() = default;

void Lion::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  if (wants_foreach(bucket, o.foreach)) update_by_foreach(bucket, o, in.lr);
  else update_by_kernel(bucket, o, in.lr);
}

std::shared_ptr<Lion> lion(std::vector<at::Tensor> params, LionOptions options) {
  return std::make_shared<Lion>(std::move(params), options);
}

std::shared_ptr<Lion> lion(const std::vector<ParamGroup>& groups, LionOptions options) {
  return std::make_shared<Lion>(groups, options);
}

}  // namespace levin::optim
