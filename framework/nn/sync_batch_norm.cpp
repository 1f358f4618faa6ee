#include "levin/framework/nn/sync_batch_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/batchnorm.h>

#include <ostream>

#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/process_group.h"

namespace levin::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::vector<std::int64_t> all_but_channels(const at::Tensor& input) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < input.dim(); ++i)
    if (i != 1) out.push_back(i);
  return out;
}

// A value per channel in the input's shape.
at::Tensor like(const at::Tensor& input, const at::Tensor& per_channel) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(input.dim()), 1);
  shape[1] = per_channel.numel();
  return per_channel.to(input.scalar_type()).view(shape);
}

// Mean and variance over all ranks, the number of values last: one message. In double, since the variance is a difference.
at::Tensor statistics(const at::Tensor& input, ProcessGroup* group) {
  const auto axes = all_but_channels(input);
  const at::Tensor values = input.to(at::kDouble);
  const at::Tensor count = at::full({1}, static_cast<double>(input.numel() / input.size(1)), values.options());
  at::Tensor sums = at::cat({values.sum(axes), values.square().sum(axes), count});
  if (group) group->all_reduce(sums, ReduceOp::sum);
  const std::int64_t channels = input.size(1);
  const at::Tensor total = sums.narrow(0, 2 * channels, 1);
  const at::Tensor mean = sums.narrow(0, 0, channels) / total;
  const at::Tensor var = (sums.narrow(0, channels, channels) / total - mean.square()).clamp_min(0);
  return at::cat({mean, var, total});
}

// The input normalised by given statistics. Backward needs two more sums over all ranks.
struct Normalise : torch::autograd::Function<Normalise> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& mean, const at::Tensor& invstd,
                            const at::Tensor& count, std::int64_t group) {
    const at::Tensor normalised = (input - like(input, mean)) * like(input, invstd);
    context->save_for_backward({normalised, invstd, count});
    context->saved_data["group"] = group;
    return normalised;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &normalised = saved[0], &invstd = saved[1], &gradient = gradients[0];
    const auto axes = all_but_channels(gradient);
    const at::Tensor sums = at::stack({gradient.sum(axes), (gradient * normalised).sum(axes)}).to(at::kDouble).contiguous();
    if (auto* group = reinterpret_cast<ProcessGroup*>(context->saved_data["group"].toInt())) group->all_reduce(sums, ReduceOp::sum);
    const at::Tensor means = sums / saved[2];
    const at::Tensor out = (gradient - like(gradient, means[0]) - normalised * like(gradient, means[1])) * like(gradient, invstd);
    return {out, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

SyncBatchNormImpl::SyncBatchNormImpl(std::int64_t num_features, SyncBatchNormOptions options)
    : num_features_(num_features), options_(options) {
  if (num_features < 1) throw ValueError("SyncBatchNorm: num_features must be at least 1, got " + std::to_string(num_features));
  if (options_.affine) {
    weight = register_parameter("weight", at::ones({num_features}));
    bias = register_parameter("bias", at::zeros({num_features}));
  }
  if (!options_.track_running_stats) return;
  running_mean = register_buffer("running_mean", at::zeros({num_features}));
  running_var = register_buffer("running_var", at::ones({num_features}));
  num_batches_tracked = register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
}

at::Tensor SyncBatchNormImpl::forward(const at::Tensor& input) {
  if (input.dim() < 2) throw ValueError("expected at least 2D input (got " + std::to_string(input.dim()) + "D input)");
  if (input.size(1) != num_features_) {
    throw ValueError("SyncBatchNorm: expected an input with " + std::to_string(num_features_) + " channels, got " + std::to_string(input.size(1)));
  }
  const bool own = is_training() || !options_.track_running_stats;
  if (!own || !group_ || group_->size() == 1)
    return at::batch_norm(input, weight, bias, running_mean, running_var, own, own && options_.track_running_stats ? momentum_now() : 0.0, options_.eps, false);
  const at::Tensor all = statistics(input.detach(), group_);
  const at::Tensor mean = all.narrow(0, 0, num_features_), var = all.narrow(0, num_features_, num_features_), count = all.narrow(0, 2 * num_features_, 1);
  if (options_.track_running_stats) track(mean, var, count);
  const auto group = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(group_));
  const at::Tensor out = Normalise::apply(input, mean, (var + options_.eps).rsqrt(), count, group);
  return options_.affine ? out * like(out, weight) + like(out, bias) : out;
}

// The weight of this batch in the running statistics; counts the batch.
double SyncBatchNormImpl::momentum_now() {
  num_batches_tracked.add_(1);
  return options_.momentum ? *options_.momentum : 1.0 / static_cast<double>(num_batches_tracked.item<std::int64_t>());
}

void SyncBatchNormImpl::track(const at::Tensor& mean, const at::Tensor& var, const at::Tensor& count) {
  const at::NoGradGuard no_grad;
  const double momentum = momentum_now();
  const at::Tensor unbiased = var * (count / (count - 1).clamp_min(1));
  running_mean.mul_(1 - momentum).add_(mean.to(running_mean.scalar_type()), momentum);
  running_var.mul_(1 - momentum).add_(unbiased.to(running_var.scalar_type()), momentum);
}

void SyncBatchNormImpl::reset_running_stats() {
  if (!options_.track_running_stats) return;
  const at::NoGradGuard no_grad;
  running_mean.zero_();
  running_var.fill_(1);
  num_batches_tracked.zero_();
}

void SyncBatchNormImpl::pretty_print(std::ostream& stream) const {
  stream << "levin::nn::SyncBatchNorm(" << num_features_ << ", eps=" << options_.eps << ", affine=" << options_.affine
         << ", track_running_stats=" << options_.track_running_stats << ")";
}

void check_sync_batchnorm(const torch::nn::Module& module) {
  std::string found;
  for (const auto& item : module.named_modules("", /*include_self=*/false)) {
    const torch::nn::Module* layer = item.value().get();
    if (dynamic_cast<const torch::nn::BatchNorm1dImpl*>(layer) || dynamic_cast<const torch::nn::BatchNorm2dImpl*>(layer) ||
        dynamic_cast<const torch::nn::BatchNorm3dImpl*>(layer))
      found += (found.empty() ? "`" : ", `") + item.key() + "`";
  }
  if (found.empty()) return;
  throw MisconfigurationException("`Trainer(sync_batchnorm=True)`: LibTorch's BatchNorm layers can't be converted. Use `levin::nn::SyncBatchNorm` in the place of " +
                                  found + ".");
}

}  // namespace levin::nn
