#pragma once
#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <c10/util/FunctionRef.h>

#include "levin/framework/optim/fused_optimizer.h"

/// Updates on the CPU for the optimizers that LibTorch has no fused kernel for: one walk through memory per parameter, in the number
/// type that LibTorch's kernels compute in (float for half and bfloat16). `_foreach_` operators are no kernels there: each is a loop
/// of operators over the parameters, 5 to 15 walks with a dispatch and often an allocation each.
namespace levin::optim {

/// Calls `range(begin, end)` so that the calls cover the parameter's elements; in LibTorch's threads where it is large.
void for_ranges(const at::Tensor& parameter, c10::function_ref<void(std::int64_t, std::int64_t)> range);

template <class T, class Element, class... S>
void update_elements(std::int64_t count, Element element, T* __restrict parameter, const T* __restrict gradient,
                     S* __restrict... state) {
  using Number = at::opmath_type<T>;
  for (std::int64_t i = 0; i < count; ++i) {
    Number p = static_cast<Number>(parameter[i]);
    const auto one = [&](auto... s) {
      element(p, static_cast<Number>(gradient[i]), s...);
      ((state[i] = static_cast<T>(s)), ...);
    };
    one(static_cast<Number>(state[i])...);
    parameter[i] = static_cast<T>(p);
  }
}

/// A gradient with its sign and the L2 penalty.
template <class Number>
struct Decayed {
  Number sign, weight_decay;
  Decayed(bool maximize, double decay) : sign(maximize ? Number(-1) : Number(1)), weight_decay(static_cast<Number>(decay)) {}
  Number operator()(Number gradient, Number parameter) const {
    const Number signed_gradient = sign * gradient;
    return weight_decay != 0 ? signed_gradient + weight_decay * parameter : signed_gradient;
  }
};

/// torch's `lerp`, which is exact at both ends.
template <class Number>
Number lerp(Number from, Number to, Number weight) {
  return weight < Number(0.5) ? from + weight * (to - from) : to - (to - from) * (Number(1) - weight);
}

/// For each parameter of the bucket: `make(index, Number())` gives a function `(Number& parameter, Number gradient, Number&... state)`
/// that updates one element; `state` are the columns `C`.
template <std::size_t... C, class Make>
void update_on_cpu(FusedBucket& bucket, Make make) {
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, bucket.parameters.front().scalar_type(), "optimizer step", [&] {
    for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
      const auto element = make(i, at::opmath_type<scalar_t>());
      const auto data = [&](const at::Tensor& tensor) { return tensor.mutable_data_ptr<scalar_t>(); };
      scalar_t* const parameter = data(bucket.parameters[i]);
      const scalar_t* const gradient = bucket.gradients[i].const_data_ptr<scalar_t>();
      const auto run = [&](auto*... state) {
        for_ranges(bucket.parameters[i], [&](std::int64_t begin, std::int64_t end) {
          update_elements<scalar_t>(end - begin, element, parameter + begin, gradient + begin, (state + begin)...);
        });
      };
      run(data(bucket.state[C][i])...);
      bucket.parameters[i].unsafeGetTensorImpl()->bump_version();  // a graph that still needs the old values notices
    }
  });
}

}  // namespace levin::optim
