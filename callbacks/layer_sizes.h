#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

namespace torch::nn {
class Module;
}

namespace levin {

class LightningModule;

/// What a run of an example through a model tells of its layers.
struct LayerSizes {
  struct Layer {
    std::string in = "?", out = "?";  ///< as Lightning writes them: "[32, 64]", a list of those for several inputs
    std::int64_t flops = 0;
  };
  std::unordered_map<const torch::nn::Module*, Layer> layers;
  std::int64_t total_flops = 0;

  const Layer& operator[](const torch::nn::Module& module) const;
};

/// Runs `example`, which calls the model with some input, in eval mode and without gradients.
///
/// Known are the sizes of what a Sequential calls, of what `levin::call` calls, and of Linear, Conv, Embedding, LayerNorm and BatchNorm
/// wherever they are called. FLOPs count for the layer whose weight an operator uses, else for the one that is being called, and for all
/// that it is in.
LayerSizes layer_sizes(LightningModule& module, const std::function<void()>& example);

}  // namespace levin
