#include "levin/framework/models/gpt.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <algorithm>
#include <cmath>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/adam.h"

namespace levin {
namespace {

// GPT-2's layer norm may lack its bias, LibTorch's can't.
struct NormImpl : torch::nn::Module {
  NormImpl(std::int64_t width, bool with_bias) : weight(register_parameter("weight", at::ones({width}))) {
    if (with_bias) bias = register_parameter("bias", at::zeros({width}));
  }
  at::Tensor forward(const at::Tensor& x) { return at::layer_norm(x, weight.sizes(), weight, bias, 1e-5); }
  at::Tensor weight, bias;
};
TORCH_MODULE(Norm);

torch::nn::Linear linear(std::int64_t in, std::int64_t out, bool bias, double deviation = 0.02) {
  torch::nn::Linear made(torch::nn::LinearOptions(in, out).bias(bias));
  torch::nn::init::normal_(made->weight, 0.0, deviation);
  if (bias) torch::nn::init::zeros_(made->bias);
  return made;
}

double residual_deviation(const GPTOptions& o) { return 0.02 / std::sqrt(2.0 * static_cast<double>(o.n_layer)); }

struct AttentionImpl : torch::nn::Module {
  explicit AttentionImpl(const GPTOptions& o)
      : heads(o.n_head), dropout(o.dropout),
        c_attn(register_module("c_attn", linear(o.n_embd, 3 * o.n_embd, o.bias))),
        c_proj(register_module("c_proj", linear(o.n_embd, o.n_embd, o.bias, residual_deviation(o)))) {}
  at::Tensor forward(const at::Tensor& x) {
    const std::int64_t n = x.size(0), t = x.size(1), width = x.size(2);
    const auto parts = c_attn(x).view({n, t, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
    const at::Tensor y = at::scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, is_training() ? dropout : 0.0, /*is_causal=*/true);
    return c_proj(y.transpose(1, 2).reshape({n, t, width}));
  }
  std::int64_t heads;
  double dropout;
  torch::nn::Linear c_attn, c_proj;
};
TORCH_MODULE(Attention);

struct FeedForwardImpl : torch::nn::Module {
  explicit FeedForwardImpl(const GPTOptions& o)
      : c_fc(register_module("c_fc", linear(o.n_embd, 4 * o.n_embd, o.bias))),
        c_proj(register_module("c_proj", linear(4 * o.n_embd, o.n_embd, o.bias, residual_deviation(o)))) {}
  at::Tensor forward(const at::Tensor& x) { return c_proj(at::gelu(c_fc(x), "tanh")); }
  torch::nn::Linear c_fc, c_proj;
};
TORCH_MODULE(FeedForward);

struct BlockImpl : torch::nn::Module {
  explicit BlockImpl(const GPTOptions& o)
      : ln_1(register_module("ln_1", Norm(o.n_embd, o.bias))),
        attn(register_module("attn", Attention(o))),
        ln_2(register_module("ln_2", Norm(o.n_embd, o.bias))),
        mlp(register_module("mlp", FeedForward(o))),
        drop(register_module("drop", torch::nn::Dropout(o.dropout))) {}
  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor y = x + drop(attn(ln_1(x)));
    return y + drop(mlp(ln_2(y)));
  }
  Norm ln_1;
  Attention attn;
  Norm ln_2;
  FeedForward mlp;
  torch::nn::Dropout drop;
};
TORCH_MODULE(Block);

void check(const GPTOptions& o) {
  if (o.vocab_size < 1 || o.block_size < 1 || o.n_layer < 1 || o.n_head < 1 || o.n_embd < 1)
    throw ValueError("GPT: vocab_size, block_size, n_layer, n_head and n_embd must be at least 1");
  if (o.n_embd % o.n_head != 0) throw ValueError("GPT: n_embd (" + std::to_string(o.n_embd) + ") must be a multiple of n_head (" + std::to_string(o.n_head) + ")");
}

}  // namespace

struct GPT::Layers {
  torch::nn::Embedding wte{nullptr}, wpe{nullptr};
  torch::nn::Dropout drop{nullptr};
  std::vector<Block> blocks;
  Norm ln_f{nullptr};
};

GPT::GPT(Options options) : options_(std::move(options)), layers_(std::make_unique<Layers>()) {
  check(options_);
  Layers& l = *layers_;
  l.wte = register_module("wte", torch::nn::Embedding(options_.vocab_size, options_.n_embd));
  l.wpe = register_module("wpe", torch::nn::Embedding(options_.block_size, options_.n_embd));
  torch::nn::init::normal_(l.wte->weight, 0.0, 0.02);
  torch::nn::init::normal_(l.wpe->weight, 0.0, 0.02);
  l.drop = register_module("drop", torch::nn::Dropout(options_.dropout));
  const auto h = register_module("h", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < options_.n_layer; ++i) {
    l.blocks.emplace_back(options_);
    h->push_back(l.blocks.back());
  }
  l.ln_f = register_module("ln_f", Norm(options_.n_embd, options_.bias));
  save_hyperparameters(options_);
}
GPT::~GPT() = default;

at::Tensor GPT::forward(const at::Tensor& tokens) {
  const std::int64_t length = tokens.size(1);
  if (length > options_.block_size)
    throw ValueError("GPT: a sequence of " + std::to_string(length) + " tokens; block_size is " + std::to_string(options_.block_size));
  Layers& l = *layers_;
  at::Tensor x = l.drop(l.wte(tokens) + l.wpe(at::arange(length, tokens.options())));
  for (auto& block : l.blocks) x = block(x);
  return at::linear(l.ln_f(x), l.wte->weight);
}

at::Tensor GPT::generate(at::Tensor tokens, std::int64_t count, double temperature) {
  const c10::AutoGradMode no_grad(false);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = std::max<std::int64_t>(0, tokens.size(1) - options_.block_size);
    const at::Tensor scores = forward(tokens.narrow(1, from, tokens.size(1) - from)).select(1, -1);
    const at::Tensor next = temperature > 0 ? at::multinomial((scores / temperature).softmax(-1), 1) : scores.argmax(-1, /*keepdim=*/true);
    tokens = at::cat({tokens, next}, 1);
  }
  return tokens;
}

at::Tensor GPT::loss(const Batch& batch) {
  const at::Tensor scores = forward(batch[0]);
  return at::cross_entropy_loss(scores.view({-1, scores.size(-1)}), batch[1].tensor().reshape({-1}));
}

StepOutput GPT::training_step(const Batch& batch, std::int64_t) {
  const at::Tensor value = loss(batch);
  log("train_loss", value, {.prog_bar = true});
  return value;
}
StepOutput GPT::validation_step(const Batch& batch, std::int64_t) {
  log("val_loss", loss(batch), {.prog_bar = true});
  return {};
}
StepOutput GPT::test_step(const Batch& batch, std::int64_t) {
  log("test_loss", loss(batch));
  return {};
}
StepOutput GPT::predict_step(const Batch& batch, std::int64_t) { return forward(batch[0]).argmax(-1); }

OptimizerConfig GPT::configure_optimizers() {
  std::vector<at::Tensor> matrices, others;
  for (const at::Tensor& parameter : parameters()) (parameter.dim() >= 2 ? matrices : others).push_back(parameter);
  return optim::adamw({{.params = matrices}, {.params = others, .weight_decay = 0.0}},
                      {.lr = options_.lr, .betas = options_.betas, .weight_decay = options_.weight_decay});
}

}  // namespace levin
