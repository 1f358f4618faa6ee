// float16 with a scaler through the Trainer: what hooks see, which steps are left out, and that a resume is the same run.
#include <torch/optim/sgd.h>

#include <set>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/optim/lbfgs.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/optim/torch_optimizer.h"
#include "levin/framework/precision/mixed_precision.h"
#include "precision/precision_net.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace {

using levin::GradScaler;
using levin::MixedPrecision;
using levin::Value;

std::shared_ptr<MixedPrecision> half(levin::GradScalerOptions options = {}) {
  return std::make_shared<MixedPrecision>("16-mixed", "cpu", std::make_shared<GradScaler>(options));
}

// Overflows where it is told to, and notes what hooks see.
class Overflowing : public precision_net::Net {
 public:
  void on_before_backward(const at::Tensor& loss) override { scaled_losses.push_back(loss.item<double>()); }
  void on_after_backward() override {
    calls += "backward ";
    if (overflows.contains(static_cast<std::int64_t>(losses.size()) - 1)) first->weight.grad()[0][0] = INFINITY;
  }
  void on_before_optimizer_step(levin::optim::Optimizer&) override {
    calls += "before_step ";
    gradients.push_back(second->bias.grad().defined() ? second->bias.grad().item<double>() : 0);
    weights.push_back(first->weight.detach().clone());
  }
  void configure_gradient_clipping(levin::optim::Optimizer& optimizer, std::optional<double> value, const std::optional<std::string>& algorithm) override {
    calls += "clip ";
    precision_net::Net::configure_gradient_clipping(optimizer, value, algorithm);
    double sum = 0;
    for (const at::Tensor& p : parameters())
      if (p.grad().defined()) sum += p.grad().square().sum().item<double>();
    clipped_norms.push_back(std::sqrt(sum));
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    calls += "step ";
    const levin::StepOutput out = Net::training_step(batch, batch_idx);
    return skipped.contains(static_cast<std::int64_t>(losses.size()) - 1) ? levin::StepOutput() : out;
  }
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override {
    calls += "end\n";
    scales.push_back(trainer().scaler() ? trainer().scaler()->get_scale() : 1);
    rates.push_back(trainer().optimizers().front()->lr());
    steps = global_step();
  }
  levin::OptimizerConfig configure_optimizers() override {
    const auto optimizer = make(*this);
    return levin::OptimizerWithScheduler{
        .optimizer = optimizer,
        .lr_scheduler = levin::LRSchedulerConfig{.scheduler = levin::optim::step_lr(optimizer, {.step_size = 1, .gamma = 0.5}), .interval = "step"}};
  }

  std::function<std::shared_ptr<levin::optim::Optimizer>(levin::LightningModule&)> make = [](auto& m) {
    return levin::optim::sgd(m.parameters(), {.lr = 0.01});
  };
  std::set<std::int64_t> overflows, skipped;
  std::string calls;
  std::int64_t steps = 0;
  std::vector<double> scaled_losses, gradients, clipped_norms, scales, rates;
  std::vector<at::Tensor> weights;
};

void fit(levin::LightningModule& net, levin::TrainerOptions options, std::int64_t batches = 6, std::optional<std::string> from = {}) {
  const levin::CapturedMessages messages;
  const TemporaryFolder folder;
  options.max_epochs = options.max_epochs.value_or(1);
  if (!options.default_root_dir) options.default_root_dir = folder.path();
  if (options.callbacks.empty()) options.enable_checkpointing = false;
  levin::Trainer trainer(quiet(std::move(options)));
  trainer.fit(net, {.train = precision_net::data(batches), .ckpt_path = from});
}

}  // namespace

TEST_CASE("hooks and clipping see unscaled gradients, in Lightning's order, and backward the scaled loss") {
  levin::seed_everything(5);
  Overflowing plain, scaled;
  scaled.load_state_dict(plain.state_dict());
  fit(plain, {.gradient_clip_val = 0.25, .plugins = {std::make_shared<MixedPrecision>("bf16-mixed", "cpu")}}, 1);
  fit(scaled, {.gradient_clip_val = 0.25, .plugins = {half({.init_scale = 1024})}}, 1);
  CHECK(scaled.calls == "step backward before_step clip end\n");
  CHECK(scaled.calls == plain.calls);
  CHECK(scaled.scaled_losses[0] == Approx(1024 * scaled.losses[0]));
  CHECK(scaled.gradients[0] == Approx(plain.gradients[0]).epsilon(0.02));
  CHECK(scaled.clipped_norms[0] == Approx(0.25).epsilon(1e-3));
}

TEST_CASE("a step whose gradients overflow changes no weight, halves the scale, and counts for schedulers") {
  const auto torch_sgd = [](auto& m) { return levin::optim::adapt(std::make_shared<torch::optim::SGD>(m.parameters(), torch::optim::SGDOptions(0.01))); };
  const auto adam = [](auto& m) { return levin::optim::adam(m.parameters(), {.lr = 0.01}); };
  for (const int which : {0, 1, 2}) {
    Overflowing net;
    if (which == 1) net.make = torch_sgd;
    if (which == 2) net.make = adam;
    net.overflows = {1, 3, 4};
    fit(net, {.plugins = {half({.init_scale = 256, .growth_interval = 2})}});
    CHECK(net.scales == std::vector<double>{256, 128, 128, 64, 32, 32});
    CHECK(net.rates == std::vector<double>{0.005, 0.0025, 0.00125, 0.000625, 0.0003125, 0.00015625});
    for (const int step : {1, 2, 3, 4, 5}) {
      INFO("optimizer " << which << ", step " << step);
      const auto at_step = static_cast<std::size_t>(step);
      CHECK(at::equal(net.weights[at_step], net.weights[at_step - 1]) == net.overflows.contains(step - 1));
    }
    CHECK(net.steps == 6);
  }
}

TEST_CASE("a training step without a loss neither unscales nor steps") {
  Overflowing net;
  net.skipped = {1, 2};
  fit(net, {.plugins = {half({.init_scale = 256, .growth_interval = 4})}}, 6);
  CHECK(net.scales == std::vector<double>{256, 256, 256, 256, 256, 512});
  CHECK(net.steps == 6);
  CHECK(net.calls.find("step before_step clip end") != net.calls.npos);
  CHECK((at::equal(net.weights[2], net.weights[1]) && !at::equal(net.weights[1], net.weights[0])));
}

TEST_CASE("gradients of several batches add up scaled and are unscaled once") {
  levin::seed_everything(5);
  Overflowing plain, scaled;
  scaled.load_state_dict(plain.state_dict());
  fit(plain, {.accumulate_grad_batches = 3, .plugins = {std::make_shared<MixedPrecision>("bf16-mixed", "cpu")}});
  fit(scaled, {.accumulate_grad_batches = 3, .plugins = {half({.init_scale = 1024})}});
  REQUIRE((plain.gradients.size() == 2 && scaled.gradients.size() == 2));
  for (const std::size_t i : {0u, 1u}) CHECK(scaled.gradients[i] == Approx(plain.gradients[i]).epsilon(0.03));
}

TEST_CASE("manual optimization: backward scales, step unscales, with a closure or without") {
  class Manual final : public Overflowing {
   public:
    explicit Manual(int kind) : kind_(kind) { automatic_optimization = false; }
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
      levin::LightningOptimizer& opt = optimizers();
      const auto gradients_of = [&] {
        opt.zero_grad();
        const at::Tensor value = loss(batch, "train");
        losses.push_back(value.item<double>());
        manual_backward(value);
        return value;
      };
      if (kind_ == 0) gradients_of(), opt.step();
      else if (kind_ == 1) opt.step(gradients_of);
      else opt.step([&] { gradients_of(); return at::Tensor(); });  // Python's closures that return nothing
      return {};
    }
   private:
    int kind_;
  };
  for (const int kind : {0, 1, 2}) {
    INFO(kind);
    Manual net(kind);
    net.overflows = {2};
    const at::Tensor before = net.first->weight.detach().clone();
    fit(net, {.plugins = {half({.init_scale = 256})}});
    CHECK(net.scales == std::vector<double>{256, 256, 128, 128, 128, 128});
    CHECK(net.scaled_losses[0] == Approx(256 * net.losses[0]));
    CHECK(std::abs(net.gradients[0]) < 10);
    CHECK((!at::equal(net.weights[1], before) && at::equal(net.weights[3], net.weights[2])));
  }
}

TEST_CASE("LBFGS and a scaler are refused, LBFGS under bfloat16 trains") {
  Overflowing net;
  net.make = [](auto& m) { return levin::optim::lbfgs(m.parameters(), {.lr = 0.1}); };
  CHECK(error_of([&] { fit(net, {.plugins = {half()}}); }) == "MisconfigurationException: AMP and the LBFGS optimizer are not compatible.");
  Overflowing other;
  other.make = net.make;
  fit(other, {.precision = "bf16-mixed", .max_epochs = 3});
  CHECK(other.losses.back() < other.losses.front());
}

TEST_CASE("the scaler's state is in the checkpoint under Lightning's key, also from old files") {
  const TemporaryFolder folder;
  const auto saved_by = [&](const char* name, bool old) {
    const levin::CapturedMessages messages;
    Overflowing net;
    net.overflows = {0, 1};
    levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false, .plugins = {half({.growth_interval = 100})}, .default_root_dir = folder.path()}));
    trainer.fit(net, {.train = precision_net::data(6)});
    trainer.save_checkpoint(folder / name);
    Value saved = levin::read_archive(folder / name);
    if (old) {
      saved["native_amp_scaling_state"] = saved.at("MixedPrecision");
      saved.as_dict().erase("MixedPrecision");
      levin::CheckpointIO().save_checkpoint(saved, folder / name);
    }
    return saved;
  };
  const Value saved = saved_by("new.ckpt", false);
  CHECK(saved.at("MixedPrecision").repr(1000) ==
        "{'scale': 16384.0, 'growth_factor': 2.0, 'backoff_factor': 0.5, 'growth_interval': 100, '_growth_tracker': 4}");
  saved_by("old.ckpt", true);
  for (const char* name : {"new.ckpt", "old.ckpt"}) {
    INFO(name);
    Overflowing other;
    fit(other, {.max_epochs = 2, .plugins = {half()}}, 6, folder / name);
    CHECK((other.scales.size() == 6 && other.scales[0] == 16384.0));
  }
}

namespace {

struct Ran {
  std::vector<double> losses, scales;
  Value weights, optimizer;
};

Ran train(const char* precision, const std::string& folder, const std::optional<std::string>& from) {
  levin::seed_everything(from ? 77 : 11);
  Overflowing net;
  net.make = [](auto& m) { return levin::optim::sgd(m.parameters(), {.lr = 0.02, .momentum = 0.9}); };
  const bool scaled = std::string_view(precision) == "16-mixed";
  // The overflow lies before all the files that are resumed from.
  if (scaled && !from) net.overflows = {2};
  levin::TrainerOptions options{.callbacks = {levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "{step}", .save_top_k = -1, .every_n_train_steps = 1})},
                                .max_epochs = 2, .gradient_clip_val = 0.5, .default_root_dir = folder};
  if (scaled) options.plugins = {half({.growth_interval = 3})};
  else options.precision = precision;
  const levin::CapturedMessages messages;
  levin::Trainer trainer(quiet(std::move(options)));
  trainer.fit(net, {.train = precision_net::data(8), .ckpt_path = from});
  return {net.losses, net.scales, levin::snapshot(net.state_dict()), levin::snapshot(trainer.optimizers().front()->state_dict())};
}

}  // namespace

TEST_CASE("a resume is the same run to the bit, scale and all") {
  for (const char* precision : {"16-mixed", "bf16-mixed", "bf16-true", "16-true", "64-true"}) {
    const TemporaryFolder folder;
    const Ran whole = train(precision, folder.path(), {});
    REQUIRE(whole.losses.size() == 16);
    for (const int step : {3, 5, 8, 11, 15}) {
      INFO(precision << " from step " << step);
      const TemporaryFolder other;
      const Ran resumed = train(precision, other.path(), folder / ("step=" + std::to_string(step) + ".ckpt"));
      const auto from = static_cast<std::ptrdiff_t>(step);
      CHECK(resumed.losses == std::vector<double>(whole.losses.begin() + from, whole.losses.end()));
      // The file was written within a batch's end: the module's hook of it comes after the resume.
      CHECK(resumed.scales == std::vector<double>(whole.scales.begin() + from - 1, whole.scales.end()));
      CHECK(resumed.weights == whole.weights);
      CHECK(resumed.optimizer == whole.optimizer);
    }
  }
}
