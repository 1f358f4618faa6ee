#pragma once
#include <cstddef>
#include <vector>

namespace torch::nn {
class Module;
}

namespace levin {

/// Of this module and all inside it, depth first: whether it is in training mode.
std::vector<bool> modes_of(const torch::nn::Module& module);
/// How many modules, this one and all inside it, are in eval mode.
std::size_t count_in_eval_mode(const torch::nn::Module& module);

/// Each submodule's train or eval mode, put back after an evaluation: a frozen part in eval mode stays so.
class ModuleMode {
 public:
  void capture(const torch::nn::Module& module);
  void restore(torch::nn::Module& module) const;

 private:
  std::vector<bool> training_;  // depth first, parents before children
};

}  // namespace levin
