#pragma once
#include <memory>
#include <vector>

#include "levin/framework/models/supervised.h"

namespace torch::nn {
class SequentialImpl;
}

namespace levin {

struct ConvClassifierOptions {
  std::vector<std::int64_t> input_shape = {1, 8, 8};
  std::int64_t num_classes = 10;
  std::vector<std::int64_t> channels = {16, 32};
  std::int64_t hidden = 64;
  double dropout = 0.1;
  double lr = 3e-3;
  double weight_decay = 1e-2;
};

template <class V>
void fields(V&& f, ConvClassifierOptions& o) {
  f("input_shape", o.input_shape, "channels, height and width of an image; flat rows are given this shape");
  f("num_classes", o.num_classes, "number of classes");
  f("channels", o.channels, "output channels of each 3x3 convolution; each but the first is followed by 2x2 pooling");
  f("hidden", o.hidden, "units of the hidden layer");
  f("dropout", o.dropout, "probability of dropping a hidden unit");
  f("lr", o.lr, "learning rate of AdamW");
  f("weight_decay", o.weight_decay, "weight decay of AdamW");
}

/// A small convolutional network for images with one label each: 3x3 convolutions with ReLU, 2x2 max pooling after each but the
/// first, one hidden layer. Batches are [images, labels].
class LEVIN_API ConvClassifier : public SupervisedModule {
 public:
  using Options = ConvClassifierOptions;
  /// ValueError for sizes that don't fit together.
  explicit ConvClassifier(Options options = {});

  /// Class scores, [n, num_classes].
  at::Tensor forward(const at::Tensor& images) override;

 private:
  Options options_;
  std::shared_ptr<torch::nn::SequentialImpl> features_, head_;
};

}  // namespace levin
