#include "levin/framework/optim/rmsprop.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>

#include <cmath>

#include "levin/framework/optim/cpu_kernel.h"
#include "levin/framework/optim/foreach_kernel.h"

namespace levin::optim {
namespace {

enum Column : std::size_t { step_count, square_avg, momentum_buffer, grad_avg };

/// What an element is updated with, in the number type of the kernel.
template <class N>
struct Element {
  Element(const RMSpropOptions& o, double rate)
      : decayed(o.maximize, o.weight_decay), lr(static_cast<N>(rate)), alpha(static_cast<N>(o.alpha)),
        rest(static_cast<N>(1 - o.alpha)), eps(static_cast<N>(o.eps)), momentum(static_cast<N>(o.momentum)) {}

  N root(N g, N& square) const {
    square = square * alpha + rest * g * g;
    return std::sqrt(square) + eps;
  }
  N root(N g, N& square, N& mean) const {
    square = square * alpha + rest * g * g;
    mean = lerp(mean, g, rest);
    return std::sqrt(square - mean * mean) + eps;
  }
  void move(N& p, N g, N divisor) const { p -= lr * g / divisor; }
  void move(N& p, N g, N divisor, N& buffer) const {
    buffer = buffer * momentum + g / divisor;
    p -= lr * buffer;
  }

  Decayed<N> decayed;
  N lr, alpha, rest, eps, momentum;
};

void update_by_kernel(FusedBucket& bucket, const RMSpropOptions& o, double rate) {
  const auto element = [&](auto zero) { return Element<decltype(zero)>(o, rate); };
  if (o.momentum > 0 && o.centered) {
    update_on_cpu<square_avg, grad_avg, momentum_buffer>(bucket, [&](std::size_t, auto zero) {
      return [e = element(zero)](auto& p, auto gradient, auto& square, auto& mean, auto& buffer) {
        const auto g = e.decayed(gradient, p);
        e.move(p, g, e.root(g, square, mean), buffer);
      };
    });
  } else if (o.momentum > 0) {
    update_on_cpu<square_avg, momentum_buffer>(bucket, [&](std::size_t, auto zero) {
      return [e = element(zero)](auto& p, auto gradient, auto& square, auto& buffer) {
        const auto g = e.decayed(gradient, p);
        e.move(p, g, e.root(g, square), buffer);
      };
    });
  } else if (o.centered) {
    update_on_cpu<square_avg, grad_avg>(bucket, [&](std::size_t, auto zero) {
      return [e = element(zero)](auto& p, auto gradient, auto& square, auto& mean) {
        const auto g = e.decayed(gradient, p);
        e.move(p, g, e.root(g, square, mean));
      };
    });
  } else {
    update_on_cpu<square_avg>(bucket, [&](std::size_t, auto zero) {
      return [e = element(zero)](auto& p, auto gradient, auto& square) {
        const auto g = e.decayed(gradient, p);
        e.move(p, g, e.root(g, square));
      };
    });
  }
}

void update_by_foreach(FusedBucket& bucket, const RMSpropOptions& o, double rate) {
  auto& state = bucket.state;
  const auto gradients = decayed_gradients(bucket, o.maximize, o.weight_decay);
  at::_foreach_mul_(state[square_avg], o.alpha);
  at::_foreach_addcmul_(state[square_avg], gradients, gradients, 1 - o.alpha);
  std::vector<at::Tensor> roots;
  if (o.centered) {
    at::_foreach_lerp_(state[grad_avg], gradients, 1 - o.alpha);
    roots = at::_foreach_addcmul(state[square_avg], state[grad_avg], state[grad_avg], -1);
    at::_foreach_sqrt_(roots);
  } else {
    roots = at::_foreach_sqrt(state[square_avg]);
  }
  at::_foreach_add_(roots, o.eps);
  if (o.momentum > 0) {
    at::_foreach_mul_(state[momentum_buffer], o.momentum);
    at::_foreach_addcdiv_(state[momentum_buffer], gradients, roots);
    at::_foreach_add_(bucket.parameters, state[momentum_buffer], -rate);
  } else {
    at::_foreach_addcdiv_(bucket.parameters, gradients, roots, -rate);
  }
}

}  // namespace

void check(const RMSpropOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.eps >= 0, "Invalid epsilon value: ", o.eps);
  require(o.momentum >= 0, "Invalid momentum value: ", o.momentum);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
  require(o.alpha >= 0, "Invalid alpha value: ", o.alpha);
}

RMSprop::RMSprop(std::vector<at::Tensor> params, Options options) : RMSprop(std::vector<ParamGroup>{{std::move(params)}}, options) {}

RMSprop::RMSprop(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"step", StateColumn::Kind::step}, {"square_avg"}, {"momentum_buffer"}, {"grad_avg"}},
                    {"lr", "momentum", "alpha", "eps", "centered", "weight_decay", "capturable", "foreach", "maximize",
                     "differentiable"}) {}

RMSprop::~RMSprop() = default;

bool RMSprop::uses(std::size_t group, std::size_t column) const {
  if (column == momentum_buffer) return options(group).momentum > 0;
  return column != grad_avg || options(group).centered;
}

void RMSprop::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  if (wants_foreach(bucket, o.foreach)) update_by_foreach(bucket, o, in.lr);
  else update_by_kernel(bucket, o, in.lr);
}

std::shared_ptr<RMSprop> rmsprop(std::vector<at::Tensor> params, RMSpropOptions options) {
  return std::make_shared<RMSprop>(std::move(params), options);
}

std::shared_ptr<RMSprop> rmsprop(const std::vector<ParamGroup>& groups, RMSpropOptions options) {
  return std::make_shared<RMSprop>(groups, options);
}

}  // namespace levin::optim
