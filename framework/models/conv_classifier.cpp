#include "levin/framework/models/conv_classifier.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include "levin/framework/base/errors.h"

namespace levin {

ConvClassifier::ConvClassifier(Options options)
    : SupervisedModule(Task::classification, options.lr, options.weight_decay),
      options_(std::move(options)),
      features_(std::make_shared<torch::nn::SequentialImpl>()),
      head_(std::make_shared<torch::nn::SequentialImpl>()) {
  const auto& shape = options_.input_shape;
  if (shape.size() != 3) throw ValueError("ConvClassifier: input_shape must be [channels, height, width]");
  if (options_.channels.empty()) throw ValueError("ConvClassifier: channels must name at least one convolution");
  std::int64_t in = shape[0], height = shape[1], width = shape[2];
  bool first = true;
  for (const std::int64_t out : options_.channels) {
    features_->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).padding(1)));
    features_->push_back(torch::nn::ReLU());
    if (!std::exchange(first, false)) {
      features_->push_back(torch::nn::MaxPool2d(2));
      height /= 2;
      width /= 2;
    }
    in = out;
  }
  if (height < 1 || width < 1) throw ValueError("ConvClassifier: the images are too small for so many poolings; give fewer channels");
  head_->push_back(torch::nn::Linear(in * height * width, options_.hidden));
  head_->push_back(torch::nn::ReLU());
  head_->push_back(torch::nn::Dropout(options_.dropout));
  head_->push_back(torch::nn::Linear(options_.hidden, options_.num_classes));
  register_module("features", features_);
  register_module("head", head_);
  save_hyperparameters(options_);
}

at::Tensor ConvClassifier::forward(const at::Tensor& images) {
  const auto& shape = options_.input_shape;
  const at::Tensor x = images.dim() == 2 ? images.view({-1, shape[0], shape[1], shape[2]}) : images;
  return head_->forward(features_->forward(x).flatten(1));
}

}  // namespace levin
