#include "levin/framework/optim/sgd.h"

#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_fused_sgd.h>

#include "levin/framework/optim/cpu_kernel.h"

namespace levin::optim {
namespace {

// LibTorch 2.11's CPU kernel goes astray in float16 and bfloat16: with 32 elements or more its updates follow no gradient.
bool kernel_is_wrong(const FusedBucket& bucket) { return bucket.on_cpu() && bucket.parameters.front().element_size() == 2; }

void update_by_own_kernel(FusedBucket& bucket, const SGDOptions& o, const StepInputs& in) {
  if (in.grad_scale) at::_foreach_div_(bucket.gradients, *in.grad_scale);
  const double kept = bucket.fresh ? 1 : 1 - o.dampening;  // the first gradient counts whole
  if (o.momentum == 0) {
    update_on_cpu<>(bucket, [&](std::size_t, auto zero) {
      using N = decltype(zero);
      return [decayed = Decayed<N>(o.maximize, o.weight_decay), lr = static_cast<N>(in.lr)](N& p, N gradient) { p -= lr * decayed(gradient, p); };
    });
  } else {
    update_on_cpu<0>(bucket, [&](std::size_t, auto zero) {
      using N = decltype(zero);
      return [decayed = Decayed<N>(o.maximize, o.weight_decay), lr = static_cast<N>(in.lr), momentum = static_cast<N>(o.momentum),
              keep = static_cast<N>(kept), nesterov = o.nesterov](N& p, N gradient, N& buffer) {
        const N g = decayed(gradient, p);
        buffer = momentum * buffer + keep * g;
        p -= lr * (nesterov ? g + momentum * buffer : buffer);
      };
    });
  }
}

}  // namespace

void check(const SGDOptions& o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  require(o.momentum >= 0, "Invalid momentum value: ", o.momentum);
  require(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
}

SGD::SGD(std::vector<at::Tensor> params, Options options) : SGD(std::vector<ParamGroup>{{std::move(params)}}, options) {}

SGD::SGD(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"momentum_buffer"}},
                    {"lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize", "foreach", "differentiable", "fused"}) {
  // As in torch: a group may be without momentum, and a scheduler may take it to 0.
  if (options.nesterov && (options.momentum <= 0 || options.dampening != 0))
    throw ValueError("Nesterov momentum requires a momentum and zero dampening");
}

SGD::~SGD() = default;

bool SGD::uses(std::size_t group, std::size_t) const { return options(group).momentum != 0; }

void SGD::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  if (kernel_is_wrong(bucket)) return update_by_own_kernel(bucket, o, in);
  in.with_lr([&](const auto& lr) {
    at::_fused_sgd_(bucket.parameters, bucket.gradients, bucket.state[0], o.weight_decay, o.momentum, lr, o.dampening, o.nesterov,
                    o.maximize, bucket.fresh, in.grad_scale, in.found_inf);
  });
}

std::shared_ptr<SGD> sgd(std::vector<at::Tensor> params, SGDOptions options) {
  return std::make_shared<SGD>(std::move(params), options);
}

std::shared_ptr<SGD> sgd(const std::vector<ParamGroup>& groups, SGDOptions options) {
  return std::make_shared<SGD>(groups, options);
}

}  // namespace levin::optim
