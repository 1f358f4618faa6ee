#pragma once
#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "levin/framework/base/export.h"

namespace torch::nn {
class Module;
}

namespace levin {

/// Is told when a module is called through `levin::call`, or as a part of a Sequential while a summary is made. One per thread.
class LEVIN_API CallObserver {
 public:
  virtual ~CallObserver();
  virtual void enter(const torch::nn::Module& module, const std::vector<at::Tensor>& inputs) = 0;
  /// `output` is undefined when the call did not end or gave something other than one tensor.
  virtual void leave(const torch::nn::Module& module, const at::Tensor& output) = 0;

  /// The thread's observer; null nearly always.
  static CallObserver* current();
  /// Returns the one before.
  static CallObserver* set_current(CallObserver* observer);
};

/// `layer->forward(inputs...)`. LibTorch has no hooks on modules, so a layer called in this way is one that ModelSummary can tell the sizes
/// and FLOPs of; parts of a Sequential and single layers such as Linear it knows anyway. Costs a look at a thread's variable.
///
///     at::Tensor forward(at::Tensor x) { return levin::call(head_, levin::call(encoder_, x)); }
template <class Holder, class... Inputs>
auto call(Holder& layer, Inputs&&... inputs) {
  CallObserver* observer = CallObserver::current();
  if (!observer) return layer->forward(std::forward<Inputs>(inputs)...);
  struct Leave {
    CallObserver& observer;
    const torch::nn::Module& module;
    at::Tensor output;
    ~Leave() { observer.leave(module, output); }
  };
  std::vector<at::Tensor> tensors;
  const auto add = [&](const auto& input) {
    if constexpr (std::is_convertible_v<decltype(input), const at::Tensor&>) tensors.push_back(input);
  };
  (add(inputs), ...);
  observer->enter(*layer, tensors);
  Leave leave{*observer, *layer, {}};
  auto output = layer->forward(std::forward<Inputs>(inputs)...);
  if constexpr (std::is_same_v<decltype(output), at::Tensor>) leave.output = output;
  return output;
}

}  // namespace levin
