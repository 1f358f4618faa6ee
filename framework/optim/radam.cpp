#include "levin/framework/optim/radam.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_reciprocal.h>
#include <ATen/ops/_foreach_sqrt.h>

#include <cmath>

#include "levin/framework/optim/cpu_kernel.h"
#include "levin/framework/optim/foreach_kernel.h"

namespace levin::optim {
namespace {

enum Column : std::size_t { step_count, exp_avg, exp_avg_sq };

/// One parameter's factors at its step. While the variance can't be told yet `rect` is 0 and the rate is not adapted.
struct Factors {
  Factors(const FusedBucket& bucket, std::size_t i, const RAdamOptions& o) {
    const double step = host_number(bucket.state[step_count][i]);
    const double power = std::pow(o.betas[1], step);
    correction1 = 1 - std::pow(o.betas[0], step);
    root_correction2 = std::sqrt(1 - power);
    const double longest = 2 / (1 - o.betas[1]) - 1;
    const double length = longest - 2 * step * power / (1 - power);
    if (length > 5) rect = std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
  }
  double correction1, root_correction2, rect = 0;
};

void update_by_kernel(FusedBucket& bucket, const RAdamOptions& o, double rate) {
  const bool decoupled = o.decoupled_weight_decay;
  update_on_cpu<exp_avg, exp_avg_sq>(bucket, [&](std::size_t i, auto zero) {
    using N = decltype(zero);
    const Factors f(bucket, i, o);
    return [decayed = Decayed<N>(o.maximize, decoupled ? 0 : o.weight_decay), rest1 = static_cast<N>(1 - o.betas[0]),
            beta2 = static_cast<N>(o.betas[1]), rest2 = static_cast<N>(1 - o.betas[1]), eps = static_cast<N>(o.eps),
            shrink = static_cast<N>(decoupled ? 1 - rate * o.weight_decay : 1), lr = static_cast<N>(rate),
            correction1 = static_cast<N>(f.correction1), root_correction2 = static_cast<N>(f.root_correction2),
            rect = static_cast<N>(f.rect)](N& p, N gradient, N& mean, N& square) {
      p *= shrink;
      const N g = decayed(gradient, p);
      mean = lerp(mean, g, rest1);
      square = square * beta2 + rest2 * g * g;
      const N adapted = rect > 0 ? root_correction2 / (std::sqrt(square) + eps) * rect : N(1);
      p -= mean / correction1 * lr * adapted;
    };
  });
}

void update_by_foreach(FusedBucket& bucket, const RAdamOptions& o, double rate) {
  auto& state = bucket.state;
  // sqrt(v) + eps is divided by the first, inverted, and gets the second added: what the mean is multiplied with.
  std::vector<at::Scalar> divisors, additions;
  for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
    const Factors f(bucket, i, o);
    divisors.emplace_back(-rate * f.rect * f.root_correction2 / f.correction1);
    additions.emplace_back(f.rect > 0 ? 0.0 : -rate / f.correction1);
  }
  if (o.decoupled_weight_decay && o.weight_decay != 0) at::_foreach_mul_(bucket.parameters, 1 - rate * o.weight_decay);
  const auto gradients = decayed_gradients(bucket, o.maximize, o.decoupled_weight_decay ? 0 : o.weight_decay);
  at::_foreach_lerp_(state[exp_avg], gradients, 1 - o.betas[0]);
  at::_foreach_mul_(state[exp_avg_sq], o.betas[1]);
  at::_foreach_addcmul_(state[exp_avg_sq], gradients, gradients, 1 - o.betas[1]);
  auto factors = at::_foreach_sqrt(state[exp_avg_sq]);
  at::_foreach_add_(factors, o.eps);
  at::_foreach_div_(factors, divisors);
  at::_foreach_reciprocal_(factors);
  at::_foreach_add_(factors, additions);
  at::_foreach_addcmul_(bucket.parameters, state[exp_avg], factors);
}

}  // namespace

void check(const RAdamOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.eps >= 0, "Invalid epsilon value: ", o.eps);
  require_betas(o.betas);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
}

RAdam::RAdam(std::vector<at::Tensor> params, Options options) : RAdam(std::vector<ParamGroup>{{std::move(params)}}, options) {}

RAdam::RAdam(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"step", StateColumn::Kind::step}, {"exp_avg"}, {"exp_avg_sq"}},
                    {"lr", "betas", "eps", "weight_decay", "maximize", "foreach", "capturable", "decoupled_weight_decay",
                     "differentiable"}) {}

RAdam::~RAdam() = default;

void RAdam::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  if (wants_foreach(bucket, o.foreach)) update_by_foreach(bucket, o, in.lr);
  else update_by_kernel(bucket, o, in.lr);
}

std::shared_ptr<RAdam> radam(std::vector<at::Tensor> params, RAdamOptions options) {
  return std::make_shared<RAdam>(std::move(params), options);
}

std::shared_ptr<RAdam> radam(const std::vector<ParamGroup>& groups, RAdamOptions options) {
  return std::make_shared<RAdam>(groups, options);
}

}  // namespace levin::optim
