#include "levin/framework/models/resnet.h"

#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/max_pool2d.h>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  torch::nn::Conv2d made(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
  torch::nn::init::kaiming_normal_(made->weight, 0, torch::kFanOut, torch::kReLU);
  return made;
}

// Two 3x3 convolutions around a shortcut.
struct BasicBlockImpl : torch::nn::Module {
  BasicBlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv1(register_module("conv1", conv(in, out, 3, stride))),
        bn1(register_module("bn1", torch::nn::BatchNorm2d(out))),
        conv2(register_module("conv2", conv(out, out, 3, 1))),
        bn2(register_module("bn2", torch::nn::BatchNorm2d(out))) {
    if (stride == 1 && in == out) return;
    downsample = register_module("downsample", torch::nn::Sequential(conv(in, out, 1, stride), torch::nn::BatchNorm2d(out)));
  }
  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor y = bn2(conv2(bn1(conv1(x)).relu_()));
    return (y + (downsample ? downsample->forward(x) : x)).relu_();
  }
  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Sequential downsample{nullptr};
};
TORCH_MODULE(BasicBlock);

}  // namespace

struct ResNet::Layers {
  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr};
  std::vector<torch::nn::Sequential> stages;
  torch::nn::Linear fc{nullptr};
};

ResNet::ResNet(Options options)
    : SupervisedModule(Task::classification, options.lr, options.weight_decay), options_(std::move(options)), layers_(std::make_unique<Layers>()) {
  if (options_.stem != "small" && options_.stem != "large") throw ValueError("ResNet: stem can be small or large, got '" + options_.stem + "'");
  if (options_.layers.empty() || options_.layers.size() > 8) throw ValueError("ResNet: layers lists the blocks of 1 to 8 stages");
  if (options_.width < 1 || options_.in_channels < 1 || options_.num_classes < 1) throw ValueError("ResNet: width, in_channels and num_classes must be at least 1");
  const bool large = options_.stem == "large";
  std::int64_t in = options_.width;
  layers_->conv1 = register_module("conv1", conv(options_.in_channels, in, large ? 7 : 3, large ? 2 : 1));
  layers_->bn1 = register_module("bn1", torch::nn::BatchNorm2d(in));
  for (std::size_t stage = 0; stage < options_.layers.size(); ++stage) {
    const std::int64_t out = options_.width << stage, blocks = options_.layers[stage];
    if (blocks < 1) throw ValueError("ResNet: layers: a stage has at least 1 block, got " + std::to_string(blocks));
    torch::nn::Sequential made;
    for (std::int64_t i = 0; i < blocks; ++i) {
      made->push_back(BasicBlock(in, out, i == 0 && stage > 0 ? 2 : 1));
      in = out;
    }
    layers_->stages.push_back(register_module("layer" + std::to_string(stage + 1), made));
  }
  layers_->fc = register_module("fc", torch::nn::Linear(in, options_.num_classes));
  save_hyperparameters(options_);
}

ResNet::~ResNet() = default;

at::Tensor ResNet::forward(const at::Tensor& images) {
  at::Tensor x = layers_->bn1(layers_->conv1(images)).relu_();
  if (options_.stem == "large") x = at::max_pool2d(x, 3, 2, 1);
  for (auto& stage : layers_->stages) x = stage->forward(x);
  return layers_->fc(at::adaptive_avg_pool2d(x, {1, 1}).flatten(1));
}

}  // namespace levin
