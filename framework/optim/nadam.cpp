#include "levin/framework/optim/nadam.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>

#include <cmath>

#include "levin/framework/optim/cpu_kernel.h"
#include "levin/framework/optim/foreach_kernel.h"

namespace levin::optim {
namespace {

enum Column : std::size_t { step_count, mu_product, exp_avg, exp_avg_sq };

/// One parameter's factors at its step; counts up its product of momenta.
struct Factors {
  Factors(FusedBucket& bucket, std::size_t i, const NAdamOptions& o, double rate) {
    const double step = host_number(bucket.state[step_count][i]);
    const auto momentum = [&](double at) { return o.betas[0] * (1.0 - 0.5 * std::pow(0.96, at * o.momentum_decay)); };
    const double now = momentum(step), next = momentum(step + 1);
    float& product = *bucket.state[mu_product][i].mutable_data_ptr<float>();
    product *= static_cast<float>(now);  // in float, as torch multiplies a tensor
    correction = 1 - std::pow(o.betas[1], step);
    of_gradient = -rate * (1.0 - now) / (1.0 - product);
    of_mean = -rate * next / (1.0 - product * next);
  }
  double correction, of_gradient, of_mean;
};

void update_by_kernel(FusedBucket& bucket, const NAdamOptions& o, double rate) {
  const bool decoupled = o.decoupled_weight_decay;
  update_on_cpu<exp_avg, exp_avg_sq>(bucket, [&](std::size_t i, auto zero) {
    using N = decltype(zero);
    const Factors f(bucket, i, o, rate);
    return [decayed = Decayed<N>(o.maximize, decoupled ? 0 : o.weight_decay), rest1 = static_cast<N>(1 - o.betas[0]),
            beta2 = static_cast<N>(o.betas[1]), rest2 = static_cast<N>(1 - o.betas[1]), eps = static_cast<N>(o.eps),
            shrink = static_cast<N>(decoupled ? 1 - rate * o.weight_decay : 1), correction = static_cast<N>(f.correction),
            of_gradient = static_cast<N>(f.of_gradient),
            of_mean = static_cast<N>(f.of_mean)](N& p, N gradient, N& mean, N& square) {
      p *= shrink;
      const N g = decayed(gradient, p);
      mean = lerp(mean, g, rest1);
      square = square * beta2 + rest2 * g * g;
      const N root = std::sqrt(square / correction) + eps;
      p += of_gradient * g / root;
      p += of_mean * mean / root;
    };
  });
}

void update_by_foreach(FusedBucket& bucket, const NAdamOptions& o, double rate) {
  auto& state = bucket.state;
  std::vector<at::Scalar> corrections, of_gradients, of_means;
  for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
    const Factors f(bucket, i, o, rate);
    corrections.emplace_back(std::sqrt(f.correction));
    of_gradients.emplace_back(f.of_gradient);
    of_means.emplace_back(f.of_mean);
  }
  if (o.decoupled_weight_decay && o.weight_decay != 0) at::_foreach_mul_(bucket.parameters, 1 - rate * o.weight_decay);
  const auto gradients = decayed_gradients(bucket, o.maximize, o.decoupled_weight_decay ? 0 : o.weight_decay);
  at::_foreach_lerp_(state[exp_avg], gradients, 1 - o.betas[0]);
  at::_foreach_mul_(state[exp_avg_sq], o.betas[1]);
  at::_foreach_addcmul_(state[exp_avg_sq], gradients, gradients, 1 - o.betas[1]);
  auto roots = at::_foreach_sqrt(state[exp_avg_sq]);
  at::_foreach_div_(roots, corrections);
  at::_foreach_add_(roots, o.eps);
  at::_foreach_addcdiv_(bucket.parameters, gradients, roots, of_gradients);
  at::_foreach_addcdiv_(bucket.parameters, state[exp_avg], roots, of_means);
}

}  // namespace

void check(const NAdamOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.eps >= 0, "Invalid epsilon value: ", o.eps);
  require_betas(o.betas);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
  require(o.momentum_decay >= 0, "Invalid momentum_decay value: ", o.momentum_decay);
}

NAdam::NAdam(std::vector<at::Tensor> params, Options options) : NAdam(std::vector<ParamGroup>{{std::move(params)}}, options) {}

NAdam::NAdam(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"step", StateColumn::Kind::step}, {"mu_product", StateColumn::Kind::number}, {"exp_avg"}, {"exp_avg_sq"}},
                    {"lr", "betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay", "maximize",
                     "foreach", "capturable", "differentiable"}) {}

NAdam::~NAdam() = default;

double NAdam::initial_value(std::size_t, std::size_t column) const { return column == mu_product ? 1 : 0; }

void NAdam::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  if (wants_foreach(bucket, o.foreach)) update_by_foreach(bucket, o, in.lr);
  else update_by_kernel(bucket, o, in.lr);
}

std::shared_ptr<NAdam> nadam(std::vector<at::Tensor> params, NAdamOptions options) {
  return std::make_shared<NAdam>(std::move(params), options);
}

std::shared_ptr<NAdam> nadam(const std::vector<ParamGroup>& groups, NAdamOptions options) {
  return std::make_shared<NAdam>(groups, options);
}

}  // namespace levin::optim
