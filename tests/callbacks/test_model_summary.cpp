// Tables of Lightning's ModelSummary, recorded by tests/conformance/record_summary.py, of the same models.
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <fstream>
#include <sstream>

#include "levin/callbacks/model_summary.h"
#include "levin/framework/base/console.h"
#include "levin/framework/module/call.h"
#include "levin/framework/profilers/flop_counter.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

namespace nn = torch::nn;

class Perceptron : public levin::LightningModule {
 public:
  Perceptron()
      : net(register_module("net", nn::Sequential(nn::Linear(256, 512), nn::ReLU(), nn::BatchNorm1d(512), nn::Dropout(0.5), nn::Linear(512, 10)))) {
  }
  void example() { forward(at::zeros({10, 256})); }
  at::Tensor forward(const at::Tensor& x) { return net->forward(x); }
  nn::Sequential net;
};

class Convolutional : public levin::LightningModule {
 public:
  Convolutional()
      : conv(register_module("conv", nn::Conv2d(nn::Conv2dOptions(3, 8, 3).stride(2)))),
        norm(register_module("norm", nn::BatchNorm2d(8))),
        grouped(register_module("grouped", nn::Conv2d(nn::Conv2dOptions(8, 8, 3).padding(1).groups(4)))),
        up(register_module("up", nn::Sequential(nn::ConvTranspose2d(nn::ConvTranspose2dOptions(8, 4, 2).stride(2)), nn::Flatten()))),
        head(register_module("head", nn::Linear(4 * 30 * 30, 5))) {
    register_module("unused", nn::Linear(7, 7));
    norm->eval();
    for (auto& parameter : grouped->parameters()) parameter.set_requires_grad(false);
  }
  void example() { forward(at::zeros({2, 3, 32, 32})); }
  at::Tensor forward(at::Tensor x) { return head(up->forward(grouped(grouped(norm(conv(x)))))); }
  nn::Conv2d conv;
  nn::BatchNorm2d norm;
  nn::Conv2d grouped;
  nn::Sequential up;
  nn::Linear head;
};

struct BlockImpl : nn::Module {
  explicit BlockImpl(std::int64_t n)
      : norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({n})))),
        inner(register_module("inner", nn::Sequential(nn::Linear(n, 2 * n), nn::GELU(), nn::Linear(2 * n, n)))),
        gate(register_parameter("gate", at::zeros({n}))) {}
  at::Tensor forward(at::Tensor x) { return x + gate * inner->forward(norm(x)); }
  nn::LayerNorm norm;
  nn::Sequential inner;
  at::Tensor gate;
};
TORCH_MODULE(Block);

// LibTorch has no way to tie weights but from within a module.
namespace tied {
struct LinearImpl : nn::LinearImpl {
  explicit LinearImpl(const at::Tensor& shared) : nn::LinearImpl(nn::LinearOptions(shared.size(1), shared.size(0)).bias(false)) {
    weight = parameters_["weight"] = shared;
  }
};
TORCH_MODULE(Linear);
}  // namespace tied

class Nested : public levin::LightningModule {
 public:
  Nested()
      : embedding(register_module("embedding", nn::Embedding(100, 16))),
        blocks(register_module("blocks", nn::Sequential(Block(16), Block(16)))),
        head(register_module("head", tied::Linear(embedding->weight))) {
    register_parameter("scale", at::ones({3}));
  }
  void example() { forward(at::zeros({4, 7}, at::kLong), at::zeros({4, 7, 16})); }
  at::Tensor forward(at::Tensor tokens, at::Tensor positions) { return head(blocks->forward(embedding(tokens) + positions)); }
  nn::Embedding embedding;
  nn::Sequential blocks;
  tied::Linear head;
};

class Empty : public levin::LightningModule {};

std::string recorded(const std::string& name) {
  std::ifstream file(LEVIN_SOURCE_DIR "/tests/conformance/golden/summaries/" + name + ".txt");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

template <class M>
void check(const std::string& name, bool with_example) {
  for (const std::int64_t depth : {1, 2, -1}) {
    INFO(name << " at depth " << depth);
    M module;
    std::function<void()> example;
    if constexpr (requires { module.example(); })
      if (with_example) example = [&] { module.example(); };
    CHECK(levin::summarize(module, depth, example) + "\n" == recorded(name + "_" + std::to_string(depth)));
    CHECK(module.is_training());
  }
}

// Calls a layer of its own kind through levin::call, and another one not.
struct TwiceImpl : nn::Module {
  at::Tensor forward(at::Tensor x) { return 2 * x; }
};
TORCH_MODULE(Twice);
class Wrapped : public levin::LightningModule {
 public:
  Wrapped() : seen(register_module("seen", Twice())), unseen(register_module("unseen", Twice())) {}
  at::Tensor forward(at::Tensor x) { return unseen(levin::call(seen, x)); }
  Twice seen, unseen;
};

}  // namespace

TEST_CASE("the summary of a model is Lightning's to the letter: sizes, FLOPs, modes, totals, at every depth") {
  check<Perceptron>("perceptron", true);
  check<Convolutional>("convolutional", true);
  check<Nested>("nested", true);
  check<Nested>("plain", false);
  check<Empty>("empty", false);
}

TEST_CASE("levin::call tells the summary the sizes of a layer that nothing else tells") {
  Wrapped module;
  const std::string table = levin::summarize(module, 1, [&] { module.forward(at::zeros({3, 4})); });
  CHECK(table.find("0 | seen   | Twice | 0      | train | 0     | [3, 4]   | [3, 4]") != std::string::npos);
  CHECK(table.find("1 | unseen | Twice | 0      | train | 0     | ?        | ?") != std::string::npos);
  CHECK(at::equal(module.forward(at::ones({2})), 4 * at::ones({2})));
}

TEST_CASE("a Sequential works as before after a summary") {
  Perceptron module;
  module.eval();
  const auto x = at::ones({3, 256});
  const auto before = module.forward(x);
  levin::summarize(module, -1, [&] { module.example(); });
  CHECK(at::equal(module.forward(x), before));
  CHECK(module.net->ptr(0)->as<nn::Linear>() != nullptr);
}

TEST_CASE("an error in the example comes out, and leaves the model as it was") {
  Perceptron module;
  CHECK_THROWS_WITH(levin::summarize(module, 1, [&] { module.forward(at::zeros({10, 3})); }), Catch::Contains("mat1 and mat2"));
  CHECK(module.is_training());
  CHECK(module.net->ptr(0)->as<nn::Linear>() != nullptr);
  CHECK_THROWS_WITH(levin::summarize(module, -2), "`max_depth` can be -1, 0 or > 0, got -2.");
}

TEST_CASE("the summary is said when fit begins, and not at depth 0") {
  for (const std::int64_t depth : {0, 1}) {
    levin::CapturedMessages messages;
    TinyModule module;
    levin::Trainer trainer(quiet({.callbacks = {levin::make<levin::ModelSummary>({.max_depth = depth})}, .max_epochs = 1, .enable_checkpointing = false,
                                  .enable_model_summary = true}));
    trainer.fit(module, {.train = tiny_data(1)});
    bool said = false;
    for (const auto& text : messages.infos()) said = said || text.find("other params") != std::string::npos;
    CHECK(said == (depth == 1));
  }
}

TEST_CASE("with an example the summary runs it through predict_step, for sizes and FLOPs") {
  class Fitted : public TinyModule {
   public:
    Fitted() : layer(register_module("layer", nn::Linear(2, 3))) { example_input_array = at::ones({5, 2}); }
    levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t) override { return layer(batch[0].tensor()); }
    nn::Linear layer;
  };
  levin::CapturedMessages messages;
  Fitted module;
  levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false, .enable_model_summary = true}));
  trainer.fit(module, {.train = tiny_data(1)});
  bool said = false;
  for (const auto& text : messages.infos()) said = said || text.find("0 | layer        | Linear | 9      | train | 60    | [5, 2]   | [5, 3]") != std::string::npos;
  CHECK(said);
}

TEST_CASE("FLOPs of forward and backward are torch's") {
  // 2 * 4 * 3 * 5 for the product; backward the same for the weight and for the input.
  const auto leaf = [](at::IntArrayRef sizes) { return at::ones(sizes).set_requires_grad(true); };
  const auto x = leaf({4, 3}), w = leaf({3, 5});
  const auto forward = [&] { return at::mm(x, w); };
  const auto sum = [](const at::Tensor& y) { return y.sum(); };
  CHECK(levin::measure_flops(forward) == 120);
  CHECK(levin::measure_flops(forward, sum) == 360);
  const auto image = leaf({2, 3, 8, 8}), filter = leaf({4, 3, 3, 3});
  const auto convolve = [&] { return at::conv2d(image, filter); };
  CHECK(levin::measure_flops(convolve) == 2 * 2 * 36 * 4 * 27);
  CHECK(levin::measure_flops(convolve, sum) == 3 * 2 * 2 * 36 * 4 * 27);
}
