// The modules that configurations name: they learn, and have the parameters that others know.
#include <ATen/ATen.h>

#include <cmath>
#include <set>

#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/data/token_dataset.h"
#include "levin/framework/models/gpt.h"
#include "levin/framework/models/mlp.h"
#include "levin/framework/models/resnet.h"
#include "support/catch.h"
#include "support/tiny_module.h"

using namespace levin;

namespace {

std::set<std::string> names_of(const LightningModule& module) {
  std::set<std::string> out;
  const Value state = module.state_dict();
  for (const auto& [name, tensor] : state.as_dict()) out.insert(name.as_string());
  return out;
}

double trained(LightningModule& module, DataLoader data, const char* metric, std::int64_t epochs) {
  Trainer trainer(quiet({.max_epochs = epochs, .enable_checkpointing = false}));
  trainer.fit(module, {.train = data, .val = data});
  return trainer.callback_metrics().at(metric);
}

}  // namespace

TEST_CASE("an MLP learns classes and values, from rows of any shape") {
  at::manual_seed(1);
  const at::Tensor x = at::randn({64, 2, 3});
  MLP classifier({.in_features = 6, .out_features = 2, .hidden = {16}, .lr = 0.02});
  CHECK(trained(classifier, DataLoader(TensorDataset({x, x.sum({1, 2}).gt(0).to(at::kLong)}), {.batch_size = 16}), "val_acc", 30) > 0.95);
  MLP regressor({.in_features = 6, .out_features = 1, .hidden = {}, .task = "regression", .lr = 0.1, .weight_decay = 0});
  CHECK(trained(regressor, DataLoader(TensorDataset({x, x.sum({1, 2})}), {.batch_size = 16}), "val_loss", 60) < 1e-3);
}

TEST_CASE("a ResNet has torchvision's names and sizes and learns") {
  const ResNet large({.num_classes = 1000, .stem = "large"});
  std::int64_t count = 0;
  for (const at::Tensor& parameter : large.parameters()) count += parameter.numel();
  CHECK(count == 11689512);  // torchvision's resnet18
  const auto names = names_of(large);
  CHECK(names.size() == 122);
  for (const char* name : {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.num_batches_tracked", "fc.bias"})
    CHECK(names.contains(name));

  at::manual_seed(1);
  ResNet small({.layers = {1, 1}, .num_classes = 2, .in_channels = 1, .width = 8, .lr = 0.01});
  const at::Tensor labels = at::arange(16) % 2, images = at::rand({16, 1, 8, 8}) * 0.1 + labels.view({16, 1, 1, 1});
  CHECK(trained(small, DataLoader(TensorDataset({images, labels}), {.batch_size = 8}), "val_acc", 8) == 1.0);
  CHECK_THROWS_WITH(ResNet({.layers = {}}), "ResNet: layers lists the blocks of 1 to 8 stages");
}

TEST_CASE("a GPT begins at chance, learns what comes next, and writes it") {
  at::manual_seed(1);
  GPT model({.vocab_size = 8, .block_size = 16, .n_layer = 1, .n_head = 2, .n_embd = 16, .lr = 0.02});
  const auto names = names_of(model);
  for (const char* name : {"wte.weight", "wpe.weight", "h.0.ln_1.weight", "h.0.attn.c_attn.bias", "h.0.attn.c_proj.weight", "h.0.mlp.c_fc.weight", "ln_f.bias"})
    CHECK(names.contains(name));
  const at::Tensor tokens = (at::arange(400) % 8).to(at::kInt);
  const TokenDataset data(tokens, 16);
  SampleSeeds seeds;
  Generator generator = seeds.generator(0);
  const Batch sample = data.get(1, generator);
  CHECK(sample[0].tensor().equal((at::arange(16) + 16) % 8));
  CHECK(sample[1].tensor().equal((at::arange(16) + 17) % 8));
  const double chance = at::cross_entropy_loss(model.forward(sample[0].tensor().unsqueeze(0)).view({16, 8}), sample[1].tensor()).item<double>();
  CHECK(chance == Approx(std::log(8.0)).epsilon(0.05));
  CHECK(trained(model, DataLoader(data, {.batch_size = 8}), "val_loss", 25) < 0.1);
  model.eval();
  CHECK(model.generate(at::full({1, 1}, 5, at::kLong), 6, 0.0).equal(at::tensor({5, 6, 7, 0, 1, 2, 3}, at::kLong).view({1, 7})));
  CHECK_THROWS_WITH(model.forward(at::zeros({1, 17}, at::kLong)), "GPT: a sequence of 17 tokens; block_size is 16");
}

TEST_CASE("wrong options are refused with what is allowed") {
  CHECK_THROWS_WITH(MLP({.activation = "rely"}), "MLP: activation can be relu, gelu, tanh or silu, got 'rely'");
  CHECK_THROWS_WITH(MLP({.hidden = {0}}), "MLP: hidden must be at least 1, got 0");
  CHECK_THROWS_WITH(MLP({.task = "rank"}), "MLP: task can be classification or regression, got 'rank'");
  CHECK_THROWS_WITH(GPT({.n_head = 7}), "GPT: n_embd (384) must be a multiple of n_head (7)");
  CHECK_THROWS_WITH(TokenDataset(at::arange(4), 4), "TokenDataset: 4 tokens are too few for a window of 4 and the token after it");
}
