#include "levin/framework/optim/adadelta.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>

#include <cmath>

#include "levin/framework/optim/cpu_kernel.h"
#include "levin/framework/optim/foreach_kernel.h"

namespace levin::optim {
namespace {

enum Column : std::size_t { step_count, square_avg, acc_delta };

void update_by_kernel(FusedBucket& bucket, const AdadeltaOptions& o, double rate) {
  update_on_cpu<square_avg, acc_delta>(bucket, [&](std::size_t, auto zero) {
    using N = decltype(zero);
    return [decayed = Decayed<N>(o.maximize, o.weight_decay), lr = static_cast<N>(rate), rho = static_cast<N>(o.rho),
            rest = static_cast<N>(1 - o.rho), eps = static_cast<N>(o.eps)](N& p, N gradient, N& square, N& deltas) {
      const N g = decayed(gradient, p);
      square = square * rho + rest * g * g;
      const N delta = std::sqrt(deltas + eps) / std::sqrt(square + eps) * g;
      deltas = deltas * rho + rest * delta * delta;
      p -= lr * delta;
    };
  });
}

void update_by_foreach(FusedBucket& bucket, const AdadeltaOptions& o, double rate) {
  auto& state = bucket.state;
  const auto gradients = decayed_gradients(bucket, o.maximize, o.weight_decay);
  at::_foreach_mul_(state[square_avg], o.rho);
  at::_foreach_addcmul_(state[square_avg], gradients, gradients, 1 - o.rho);
  auto roots = at::_foreach_add(state[square_avg], o.eps);
  at::_foreach_sqrt_(roots);
  auto deltas = at::_foreach_add(state[acc_delta], o.eps);
  at::_foreach_sqrt_(deltas);
  at::_foreach_div_(deltas, roots);
  at::_foreach_mul_(deltas, gradients);
  at::_foreach_mul_(state[acc_delta], o.rho);
  at::_foreach_addcmul_(state[acc_delta], deltas, deltas, 1 - o.rho);
  at::_foreach_add_(bucket.parameters, deltas, -rate);
}

}  // namespace

void check(const AdadeltaOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.rho >= 0 && o.rho <= 1, "Invalid rho value: ", o.rho);
  require(o.eps >= 0, "Invalid epsilon value: ", o.eps);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
}

Adadelta::Adadelta(std::vector<at::Tensor> params, Options options) : Adadelta(std::vector<ParamGroup>{{std::move(params)}}, options) {}

Adadelta::Adadelta(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"step", StateColumn::Kind::step}, {"square_avg"}, {"acc_delta"}},
                    {"lr", "rho", "eps", "weight_decay", "maximize", "capturable", "foreach", "differentiable"}) {}

Adadelta::~Adadelta() = default;

void Adadelta::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  if (wants_foreach(bucket, o.foreach)) update_by_foreach(bucket, o, in.lr);
  else update_by_kernel(bucket, o, in.lr);
}

std::shared_ptr<Adadelta> adadelta(std::vector<at::Tensor> params, AdadeltaOptions options) {
  return std::make_shared<Adadelta>(std::move(params), options);
}

std::shared_ptr<Adadelta> adadelta(const std::vector<ParamGroup>& groups, AdadeltaOptions options) {
  return std::make_shared<Adadelta>(groups, options);
}

}  // namespace levin::optim
