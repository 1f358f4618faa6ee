// Every precision through the Trainer: the types in force in a step, and how the option is checked.
#include "levin/callbacks/ema_weight_averaging.h"
#include "levin/callbacks/stochastic_weight_averaging.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/precision/mixed_precision.h"
#include "levin/framework/precision/true_precision.h"
#include "precision/precision_net.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace {

using levin::MixedPrecision;
using precision_net::data;
using precision_net::Net;
using precision_net::Types;

struct Row {
  const char* precision;
  at::ScalarType parameters, inputs, output, made;
};
const Row rows[] = {
    {"32-true", at::kFloat, at::kFloat, at::kFloat, at::kFloat},         {"64-true", at::kDouble, at::kDouble, at::kDouble, at::kDouble},
    {"bf16-mixed", at::kFloat, at::kFloat, at::kBFloat16, at::kFloat},   {"16-mixed", at::kFloat, at::kFloat, at::kHalf, at::kFloat},
    {"bf16-true", at::kBFloat16, at::kBFloat16, at::kBFloat16, at::kBFloat16}, {"16-true", at::kHalf, at::kHalf, at::kHalf, at::kHalf},
};

// "16-mixed" on the CPU is to be had by the plugin only.
levin::TrainerOptions with(const char* precision, levin::TrainerOptions options) {
  if (std::string_view(precision) == "16-mixed") options.plugins = {std::make_shared<MixedPrecision>("16-mixed", "cpu")};
  else options.precision = precision;
  return quiet(std::move(options));
}

}  // namespace

TEST_CASE("every precision trains, with its types in every kind of step and in nothing else") {
  for (const Row& row : rows) {
    INFO(row.precision);
    const TemporaryFolder folder;
    const levin::CapturedMessages messages;
    levin::seed_everything(3);
    Net net;
    levin::Trainer trainer(with(row.precision, {.max_epochs = 8, .enable_checkpointing = false, .default_root_dir = folder.path()}));
    CHECK(trainer.precision() == row.precision);
    trainer.fit(net, {.train = data(10), .val = data(2)});
    const auto tested = trainer.test(net, {.dataloaders = data(2), .verbose = false});
    const auto predictions = trainer.predict(net, {.dataloaders = data(2)});
    for (const char* step : {"train", "validate", "test", "predict"}) {
      INFO(step);
      CHECK(net.seen[step] == Types{row.parameters, row.inputs, row.output, row.made});
    }
    // Hooks and what follows are outside.
    CHECK(net.seen["hook"] == Types{row.parameters, row.parameters, row.parameters, at::kFloat});
    CHECK(net.backward_types == Types{at::kFloat});
    CHECK(at::ones({1}).scalar_type() == at::kFloat);
    CHECK(net.losses.size() == 80);
    CHECK(net.losses.back() < 0.2 * net.losses.front());
    CHECK(tested[0].find("test_loss")->item() < 0.2 * net.losses.front());
    // Integers stay, floating-point buffers follow, a metric keeps float32.
    CHECK(net.count.scalar_type() == at::kLong);
    CHECK(net.mean.scalar_type() == row.parameters);
    CHECK(net.error->compute().scalar_type() == at::kFloat);
    CHECK(predictions[0].size() == 2);
  }
}

TEST_CASE("a checkpoint of one precision is loaded by every other") {
  const TemporaryFolder folder;
  for (const Row& from : rows) {
    const levin::CapturedMessages messages;
    Net net;
    levin::Trainer trainer(with(from.precision, {.max_epochs = 1, .enable_checkpointing = false, .default_root_dir = folder.path()}));
    trainer.fit(net, {.train = data(4)});
    const std::string path = folder / "saved.ckpt";
    trainer.save_checkpoint(path);
    const levin::Value saved = levin::read_archive(path);
    CHECK(saved.contains("MixedPrecision") == (std::string_view(from.precision) == "16-mixed"));
    for (const Row& to : rows) {
      INFO(from.precision << " to " << to.precision);
      Net other;
      levin::Trainer next(with(to.precision, {.max_epochs = 2, .enable_checkpointing = false, .default_root_dir = folder.path()}));
      next.fit(other, {.train = data(4), .ckpt_path = path});
      CHECK(next.global_step() == 8);
      CHECK(other.losses.size() == 4);
      CHECK(std::isfinite(other.losses.back()));
    }
  }
}

TEST_CASE("layers made within init_module have the precision's type from the start") {
  const levin::CapturedMessages messages;
  for (const Row& row : rows) {
    INFO(row.precision);
    const levin::Trainer trainer(with(row.precision, {.enable_checkpointing = false}));
    const auto context = trainer.init_module();
    CHECK(Net().first->weight.scalar_type() == row.parameters);
  }
  CHECK(at::ones({1}).scalar_type() == at::kFloat);
}

TEST_CASE("averaged weights, clipping and accumulation go with every precision") {
  for (const Row& row : rows) {
    INFO(row.precision);
    const TemporaryFolder folder;
    const levin::CapturedMessages messages;
    levin::seed_everything(3);
    for (const bool swa : {false, true}) {
      Net net;
      std::shared_ptr<levin::Callback> averaging = levin::make<levin::EMAWeightAveraging>({.decay = 0.5});
      if (swa) averaging = levin::make<levin::StochasticWeightAveraging>({.swa_lrs = 0.01, .swa_epoch_start = std::int64_t{2}});
      levin::Trainer trainer(with(row.precision, {.callbacks = {averaging}, .max_epochs = 6, .enable_checkpointing = false,
                                                  .accumulate_grad_batches = 2, .gradient_clip_val = 0.5, .default_root_dir = folder.path()}));
      trainer.fit(net, {.train = data(10), .val = data(2)});
      CHECK(net.first->weight.scalar_type() == row.parameters);
      CHECK(net.losses.back() < net.losses.front());
    }
  }
}

TEST_CASE("names of precisions, in full and short, as text and as numbers") {
  const std::pair<levin::PrecisionOption, const char*> names[] = {
      {32, "32-true"}, {"32", "32-true"}, {64, "64-true"}, {"64", "64-true"}, {"bf16", "bf16-mixed"}, {"16-true", "16-true"},
      {16, "bf16-mixed"}, {"16", "bf16-mixed"}, {"16-mixed", "bf16-mixed"}};
  for (const auto& [given, name] : names) {
    const levin::CapturedMessages messages;
    const levin::Trainer trainer(quiet({.precision = given}));
    CHECK(trainer.precision() == name);
  }
  const levin::CapturedMessages messages;
  const levin::Trainer trainer(quiet({.precision = 16, .enable_checkpointing = false}));
  CHECK(messages.warnings() ==
        std::vector<std::string>{"`precision=16` is supported for historical reasons but its usage is discouraged. Please set your precision to "
                                 "16-mixed instead!",
                                 "You passed `Trainer(accelerator='cpu', precision='16-mixed')` but AMP with fp16 is not supported on CPU. Using "
                                 "`precision='bf16-mixed'` instead."});
  const auto infos = messages.infos();
  CHECK(std::count(infos.begin(), infos.end(), "Using bfloat16 Automatic Mixed Precision (AMP)") == 1);
}

TEST_CASE("precisions and plugins that do not exist or do not fit are refused") {
  const levin::CapturedMessages messages;
  CHECK(error_of([] { levin::Trainer(quiet({.precision = 8})); }) ==
        "ValueError: Precision 8 is invalid. Allowed precision values: ('16-true', '16-mixed', 'bf16-true', 'bf16-mixed', '32-true', '64-true', 64, "
        "32, 16, '64', '32', '16', 'bf16')");
  CHECK(error_of([] { levin::Trainer(quiet({.precision = "bf17"})); }).find("ValueError: Precision 'bf17' is invalid.") == 0);
  CHECK(error_of([] { levin::Trainer(quiet({.precision = "transformer-engine"})); }).find("NotImplementedError: ") == 0);
  CHECK(error_of([] { levin::Trainer(quiet({.precision = 16, .plugins = {std::make_shared<MixedPrecision>("bf16-mixed", "cpu")}})); }) ==
        "ValueError: Received both `precision=16-mixed` and `plugins=MixedPrecision`. Choose one.");
  CHECK(error_of([] { MixedPrecision("16", "cpu"); }) ==
        "ValueError: `Passed `MixedPrecision(precision='16')`. Precision must be '16-mixed' or 'bf16-mixed'.");
  CHECK(error_of([] { MixedPrecision("bf16-mixed", "cpu", std::make_shared<levin::GradScaler>()); }) ==
        "MisconfigurationException: `precision='bf16-mixed'` does not use a scaler, found a GradScaler.");
  CHECK(error_of([] { levin::HalfPrecision("16-mixed"); }) ==
        "ValueError: Passed `HalfPrecision(precision='16-mixed')`. Precision must be '16-true' or 'bf16-true'.");
}

TEST_CASE("autocast keeps cast weights until its end, and then sees new ones") {
  const at::Tensor x = at::ones({2, 3}), w = at::ones({3, 3}).requires_grad_();
  const auto change = [&] {
    const at::NoGradGuard no_grad;
    w.add_(1);
  };
  at::Tensor first, stale, fresh, uncached;
  {
    const levin::Autocast outer(at::kCPU, at::kBFloat16);
    first = at::mm(x, w);
    {
      const levin::Autocast inner(at::kCPU, at::kBFloat16);
    }
    change();
    stale = at::mm(x, w);  // what the cache is for: within one forward pass nobody changes a weight
  }
  CHECK(first.scalar_type() == at::kBFloat16);
  CHECK(at::equal(first, stale));
  {
    const levin::Autocast autocast(at::kCPU, at::kBFloat16);
    fresh = at::mm(x, w);
  }
  CHECK(fresh[0][0].item<double>() == 6);
  {
    const levin::Autocast autocast(at::kCPU, at::kBFloat16, /*enabled=*/true, /*cache_enabled=*/false);
    at::mm(x, w);
    change();
    uncached = at::mm(x, w);
    const levin::Autocast off(at::kCPU, at::kBFloat16, /*enabled=*/false);
    CHECK(at::mm(x, w).scalar_type() == at::kFloat);
  }
  CHECK(uncached[0][0].item<double>() == 9);
  CHECK(at::mm(x, w).scalar_type() == at::kFloat);
}
