#pragma once
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/models/supervised.h"

namespace torch::nn {
class SequentialImpl;
}

namespace levin {

struct MLPOptions {
  std::int64_t in_features = 64;
  std::int64_t out_features = 10;
  std::vector<std::int64_t> hidden = {128};
  std::string activation = "relu";
  double dropout = 0.0;
  std::string task = "classification";
  double lr = 1e-3;
  double weight_decay = 1e-2;
};

template <class V>
void fields(V&& f, MLPOptions& o) {
  f("in_features", o.in_features, "numbers per sample; samples of more dimensions are flattened");
  f("out_features", o.out_features, "number of classes, or of values to predict");
  f("hidden", o.hidden, "units of each hidden layer; empty: a linear model");
  f("activation", o.activation, "after each hidden layer: relu, gelu, tanh or silu");
  f("dropout", o.dropout, "probability of dropping a hidden unit");
  f("task", o.task, "classification (cross entropy) or regression (mean squared error)");
  f("lr", o.lr, "learning rate of AdamW");
  f("weight_decay", o.weight_decay, "weight decay of AdamW");
}

/// A multi-layer perceptron.
class LEVIN_API MLP : public SupervisedModule {
 public:
  using Options = MLPOptions;
  /// ValueError for options out of range, naming what is allowed.
  explicit MLP(Options options = {});
  at::Tensor forward(const at::Tensor& inputs) override;

 private:
  Options options_;
  std::shared_ptr<torch::nn::SequentialImpl> layers_;
};

}  // namespace levin
