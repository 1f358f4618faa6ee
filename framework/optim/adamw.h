#pragma once
#include <array>
#include <memory>
#include <vector>

#include "levin/framework/optim/adam.h"

namespace levin::optim {

/// torch.optim.AdamW's arguments: Adam's with another default for the weight decay, which does not go through the gradient.
struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
};
template <class V>
void fields(V&& f, AdamWOptions& o) {
  f("lr", o.lr, "learning rate");
  f("betas", o.betas, "decay rates of the gradient's running mean and mean square");
  f("eps", o.eps, "added to the denominator");
  f("weight_decay", o.weight_decay, "decoupled weight decay");
  f("amsgrad", o.amsgrad, "the AMSGrad variant");
  f("maximize", o.maximize, "go up the gradient rather than down");
}

class LEVIN_API AdamW final : public Adam {
 public:
  using Options = AdamWOptions;
  AdamW(std::vector<ParamGroup> groups, const Options& o)
      : Adam(std::move(groups), {o.lr, o.betas, o.eps, o.weight_decay, o.amsgrad, o.maximize}, /*decoupled_weight_decay=*/true) {}
};

LEVIN_API std::shared_ptr<AdamW> adamw(std::vector<at::Tensor> params, const AdamWOptions& options = {});
LEVIN_API std::shared_ptr<AdamW> adamw(std::vector<ParamGroup> groups, const AdamWOptions& options = {});

}  // namespace levin::optim
