#pragma once
#include <vector>

namespace torch::nn {
class Module;
}

namespace levin {

/// Each submodule's train or eval mode, put back after an evaluation: a frozen part in eval mode stays so.
class ModuleMode {
 public:
  void capture(const torch::nn::Module& module);
  void restore(torch::nn::Module& module) const;

 private:
  std::vector<bool> training_;  // depth first, parents before children
};

}  // namespace levin
