#pragma once
#include <functional>
#include <type_traits>

#include "levin/framework/optim/fused_optimizer.h"

/// Updates on the CPU for the optimizers that LibTorch has no fused kernel for: one walk through memory per parameter, in the number
/// type that LibTorch's kernels compute in (float for half and bfloat16). `_foreach_` operators are no kernels there: each is a loop
/// of operators over the parameters, 5 to 15 walks with a dispatch and often an allocation each.
namespace levin::optim {

/// What numbers of type T are computed in.
template <class T>
using Computed = std::conditional_t<sizeof(T) == 2, float, T>;

/// Calls `range(begin, end)` in LibTorch's threads, so that the calls cover the parameter's elements.
void for_ranges_in_threads(const at::Tensor& parameter, const std::function<void(std::int64_t, std::int64_t)>& range);

/// The same in this thread where the parameter is not worth more.
template <class Range>
void for_ranges(const at::Tensor& parameter, const Range& range) {
  if (parameter.numel() <= 32768) range(0, parameter.numel());
  else for_ranges_in_threads(parameter, std::ref(range));
}

/// Calls `action` with a zero of the tensor's element type. TypeError for one that no optimizer takes.
template <class Action>
void with_element_type(const at::Tensor& tensor, const Action& action) {
  switch (tensor.scalar_type()) {
    case at::kFloat: return action(float());
    case at::kDouble: return action(double());
    case at::kBFloat16: return action(at::BFloat16());
    case at::kHalf: return action(at::Half());
    default: throw TypeError(std::string("no optimizer updates parameters of type ") + dtype_name(to_dtype(tensor.scalar_type())));
  }
}

template <class T, class Element, class... S>
void update_elements(std::int64_t count, Element element, T* __restrict parameter, const T* __restrict gradient,
                     S* __restrict... state) {
  using Number = Computed<T>;
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
  with_element_type(bucket.parameters.front(), [&](auto zero) {
    using T = decltype(zero);
    for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
      const auto element = make(i, Computed<T>());
      const auto data = [&](const at::Tensor& tensor) { return tensor.mutable_data_ptr<T>(); };
      T* const parameter = data(bucket.parameters[i]);
      const T* const gradient = bucket.gradients[i].const_data_ptr<T>();
      const auto run = [&](auto*... state) {
        for_ranges(bucket.parameters[i], [&](std::int64_t begin, std::int64_t end) {
          update_elements<T>(end - begin, element, parameter + begin, gradient + begin, (state + begin)...);
        });
      };
      run(data(bucket.state[C][i])...);
      bucket.parameters[i].unsafeGetTensorImpl()->bump_version();  // a graph that still needs the old values notices
    }
  });
}

}  // namespace levin::optim
