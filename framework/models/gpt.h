#pragma once
#include <array>
#include <memory>

#include "levin/framework/module/lightning_module.h"

namespace levin {

struct GPTOptions {
  std::int64_t vocab_size = 256;
  std::int64_t block_size = 128;
  std::int64_t n_layer = 6;
  std::int64_t n_head = 6;
  std::int64_t n_embd = 384;
  double dropout = 0.0;
  bool bias = true;
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.95};
  double weight_decay = 0.1;
};

template <class V>
void fields(V&& f, GPTOptions& o) {
  f("vocab_size", o.vocab_size, "number of different tokens");
  f("block_size", o.block_size, "the longest sequence");
  f("n_layer", o.n_layer, "number of transformer blocks");
  f("n_head", o.n_head, "attention heads; they share n_embd evenly");
  f("n_embd", o.n_embd, "width of an embedding");
  f("dropout", o.dropout, "probability of dropping a unit");
  f("bias", o.bias, "linear layers and norms have biases, as in GPT-2");
  f("lr", o.lr, "learning rate of AdamW");
  f("betas", o.betas, "betas of AdamW");
  f("weight_decay", o.weight_decay, "weight decay of AdamW, for matrices only");
}

/// A decoder-only transformer as GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019. The output layer
/// shares the token embedding's weights; initialised as there, the projections into the residual path by 1/sqrt(2 n_layer) smaller.
/// Parameters have GPT-2's names (`wte`, `h.0.attn.c_attn`, ...), in torch's layout.
///
/// Batches are [inputs, targets], both int64 of [n, t] with t up to block_size; TextDataModule makes such. Logs `train_loss` and
/// `val_loss` (nats per token); predicts the most likely next token at each place.
class LEVIN_API GPT : public LightningModule {
 public:
  using Options = GPTOptions;
  explicit GPT(Options options = {});
  ~GPT() override;

  /// Scores of the next token, [n, t, vocab_size].
  at::Tensor forward(const at::Tensor& tokens);
  /// `count` more tokens for each row of `tokens` ([n, t]), drawn at `temperature` (0: the most likely) from the generator of ATen.
  at::Tensor generate(at::Tensor tokens, std::int64_t count, double temperature = 1.0);
  StepOutput training_step(const Batch& batch, std::int64_t batch_idx) override;
  StepOutput validation_step(const Batch& batch, std::int64_t batch_idx) override;
  StepOutput test_step(const Batch& batch, std::int64_t batch_idx) override;
  StepOutput predict_step(const Batch& batch, std::int64_t batch_idx) override;
  OptimizerConfig configure_optimizers() override;

 private:
  at::Tensor loss(const Batch& batch);
  struct Layers;
  Options options_;
  std::unique_ptr<Layers> layers_;
};

}  // namespace levin
