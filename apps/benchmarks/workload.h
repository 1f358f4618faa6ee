#pragma once
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>

/// The models and data that `scripts/bench` runs on every side; `bench_run.py` has the same in Python.
namespace bench {

class Net : public torch::nn::Module {
 public:
  /// The loss of a batch.
  virtual at::Tensor loss(const at::Tensor& x, const at::Tensor& y) = 0;
};

struct Workload {
  struct Rows {
    at::Tensor x, y;
  };
  std::shared_ptr<Net> net;
  Rows train, val;
  std::int64_t batch_size = 0, epochs = 0;
  double lr = 1e-3, weight_decay = 0;  ///< of Adam; with a weight decay of AdamW
  std::int64_t log_every_n_steps = 50;
  std::int64_t steps() const { return train.x.size(0) / batch_size * epochs; }
};

/// "tiny", "digits", "resnet18" or "gpt"; `epochs` 0: as many as it has by itself. Seeds ATen's generator. Throws ValueError for another name.
Workload make_workload(const std::string& name, std::int64_t epochs = 0);

}  // namespace bench
