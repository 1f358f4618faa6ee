#pragma once
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/models/supervised.h"

namespace levin {

struct ResNetOptions {
  std::vector<std::int64_t> layers = {2, 2, 2, 2};
  std::int64_t num_classes = 10;
  std::int64_t in_channels = 3;
  std::int64_t width = 64;
  std::string stem = "small";
  double lr = 1e-3;
  double weight_decay = 5e-2;
};

template <class V>
void fields(V&& f, ResNetOptions& o) {
  f("layers", o.layers, "blocks per stage: [2, 2, 2, 2] is ResNet-18, [3, 4, 6, 3] ResNet-34");
  f("num_classes", o.num_classes, "number of classes");
  f("in_channels", o.in_channels, "channels of an image");
  f("width", o.width, "channels of the first stage; each further stage has twice as many");
  f("stem", o.stem, "small: a 3x3 convolution, for images of some 32 pixels; large: 7x7 with stride 2 and pooling, as for ImageNet");
  f("lr", o.lr, "learning rate of AdamW");
  f("weight_decay", o.weight_decay, "weight decay of AdamW");
}

/// A residual network of basic blocks: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015. Its parameters have
/// torchvision's names, so with the large stem torchvision's weights fit. Batches are [images, labels], images [n, channels, h, w].
class LEVIN_API ResNet : public SupervisedModule {
 public:
  using Options = ResNetOptions;
  explicit ResNet(Options options = {});
  ~ResNet() override;
  at::Tensor forward(const at::Tensor& images) override;

 private:
  struct Layers;
  Options options_;
  std::unique_ptr<Layers> layers_;
};

}  // namespace levin
