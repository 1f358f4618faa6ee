// LibTorch's own optimizers through `optim::adapt`: the same steps, a state that goes on, schedulers.
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <functional>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/formula_lr.h"
#include "levin/framework/optim/optimizer_config.h"
#include "levin/framework/optim/torch_optimizer.h"
#include "optim/recorded.h"
#include "support/catch.h"

using namespace levin;

namespace {

namespace lib = torch::optim;
using Params = std::vector<at::Tensor>;
using Own = std::shared_ptr<lib::Optimizer>;

struct Kind {
  const char* name;
  std::function<Own(Params)> make;
  std::vector<std::string> state_keys;
};

const std::vector<Kind> kinds{
    {"SGD", [](Params p) -> Own { return std::make_shared<lib::SGD>(p, lib::SGDOptions(0.05).momentum(0.9)); }, {"momentum_buffer"}},
    {"Adam", [](Params p) -> Own { return std::make_shared<lib::Adam>(p, lib::AdamOptions(0.01).betas({0.8, 0.9})); }, {"step", "exp_avg", "exp_avg_sq"}},
    {"AdamW", [](Params p) -> Own { return std::make_shared<lib::AdamW>(p, lib::AdamWOptions(0.01).amsgrad(true)); },
     {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}},
    {"RMSprop", [](Params p) -> Own { return std::make_shared<lib::RMSprop>(p, lib::RMSpropOptions(0.01).momentum(0.5).centered(true)); },
     {"step", "square_avg", "momentum_buffer", "grad_avg"}},
    {"Adagrad", [](Params p) -> Own { return std::make_shared<lib::Adagrad>(p, lib::AdagradOptions(0.1).lr_decay(0.01)); }, {"step", "sum"}},
    {"LBFGS", [](Params p) -> Own { return std::make_shared<lib::LBFGS>(p, lib::LBFGSOptions(0.5).max_iter(4).history_size(5)); },
     {"func_evals", "n_iter", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss", "al"}},
};

/// Steps of any optimizer; the closure computes the loss anew, which LBFGS needs.
void train(lib::Optimizer& optimizer, const Params& params, int from, int to) {
  for (int step = from; step < to; ++step) {
    optimizer.step([&] {
      at::Tensor loss;
      for (std::size_t i = 0; i < params.size(); ++i) {
        const at::Tensor x = params[i].detach().requires_grad_();
        const at::Tensor part = (x.square() * (i + 1.0) + (x - 0.1 * (step % 3)).pow(4)).sum();
        part.backward();
        params[i].mutable_grad() = x.grad();
        loss = loss.defined() ? loss + part.detach() : part.detach();
      }
      return loss;
    });
  }
}

Params copies(const Params& params) {
  Params out;
  for (const at::Tensor& p : params) out.push_back(p.detach().clone().requires_grad_());
  return out;
}

void check_equal(const Params& a, const Params& b) {
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].equal(b[i]));
}

}  // namespace

TEST_CASE("an adapted optimizer of LibTorch's takes its own steps and saves them under Python's keys") {
  for (const Kind& kind : kinds) {
    INFO(kind.name);
    const Params params = recorded::make_params(at::kFloat), twins = copies(params);
    const auto adapted = optim::adapt(kind.make(params));
    const Own own = kind.make(twins);
    CHECK(adapted->class_name() == std::string(kind.name));
    train(*adapted, params, 0, 20);
    train(*own, twins, 0, 20);
    check_equal(params, twins);
    std::vector<std::string> keys;
    const Value states = adapted->state_dict().at("state");
    for (const auto& [key, unused] : states.as_dict().find(Value(0))->as_dict()) keys.push_back(key.as_string());
    CHECK(keys == kind.state_keys);
    CHECK(adapted->state_dict().at("param_groups").items()[0].at("lr").number() == own->param_groups()[0].options().get_lr());
  }
}

TEST_CASE("an adapted optimizer goes on from its state bit for bit") {
  for (const Kind& kind : kinds) {
    INFO(kind.name);
    const Params params = recorded::make_params(at::kFloat);
    const auto whole = optim::adapt(kind.make(params));
    train(*whole, params, 0, 7);
    const Value state = snapshot(whole->state_dict());
    const Params others = copies(params);
    const auto resumed = optim::adapt(kind.make(others));
    resumed->load_state_dict(state);
    CHECK(resumed->state_dict() == state);
    train(*whole, params, 7, 20);
    train(*resumed, others, 7, 20);
    check_equal(params, others);
    CHECK(resumed->state_dict() == whole->state_dict());
  }
}

TEST_CASE("the state of LibTorch's Adam is that of ours") {
  const Params params = recorded::make_params(at::kDouble);
  const auto adapted = optim::adapt(std::make_shared<lib::Adam>(params, lib::AdamOptions(0.01).weight_decay(0.1)));
  train(*adapted, params, 0, 5);
  const Params others = copies(params);
  const auto ours = optim::adam(others);
  ours->load_state_dict(snapshot(adapted->state_dict()));
  CHECK(ours->options(0).weight_decay == 0.1);
  train(*adapted, params, 5, 50);
  train(*ours, others, 5, 50);
  for (std::size_t i = 0; i < params.size(); ++i) CHECK(params[i].allclose(others[i], 1e-9, 1e-12));
}

TEST_CASE("a scheduler and the user change the same rate") {
  const Params params = recorded::make_params(at::kFloat);
  const auto own = std::make_shared<lib::SGD>(params, lib::SGDOptions(0.1).momentum(0.9));
  const auto adapted = optim::adapt(own);
  const auto scheduler = optim::exponential_lr(adapted, {.gamma = 0.5});
  scheduler->step();
  CHECK(own->param_groups()[0].options().get_lr() == Approx(0.05));
  own->param_groups()[0].options().set_lr(2);
  CHECK(adapted->lr(0) == 2);
  adapted->set_momentum(0, 0.25);
  CHECK(static_cast<const lib::SGDOptions&>(own->param_groups()[0].options()).momentum() == 0.25);
}

TEST_CASE("a group that is added to the adapter is stepped") {
  const Params params = recorded::make_params(at::kFloat);
  const auto adapted = optim::adapt(std::make_shared<lib::SGD>(Params{params[0]}, lib::SGDOptions(0.1)));
  adapted->add_param_group({.params = {params[1]}, .lr = 0.5, .options = {{"momentum", 0.9}}, .name = "late"});
  CHECK(adapted->lr(1) == 0.5);
  CHECK(adapted->momentum(1) == 0.9);
  CHECK(adapted->group_name(1) == "late");
  const at::Tensor before = params[1].detach().clone();
  train(*adapted, params, 0, 1);
  CHECK_FALSE(before.equal(params[1]));
}

TEST_CASE("configure_optimizers may return an adapted one, and an unknown one is refused by name") {
  struct Mine final : lib::Optimizer {
    explicit Mine(Params params) : Optimizer(std::move(params), std::make_unique<lib::AdamOptions>()) {}
    at::Tensor step(LossClosure) override { return {}; }
  };
  const Params params = recorded::make_params(at::kFloat);
  const OptimizerConfig config = optim::adapt(std::make_shared<lib::AdamW>(params));
  REQUIRE(config.optimizers.size() == 1);
  CHECK(config.optimizers[0]->class_name() == std::string("AdamW"));
  const auto ours = optim::adam(params);
  CHECK(optim::adapt(ours) == ours);
  try {
    optim::adapt(std::make_shared<Mine>(params));
    FAIL("it was adapted");
  } catch (const TypeError& error) {
    CHECK_THAT(error.what(), Catch::StartsWith("Mine is an optimizer whose state levin can't save. Derive it from levin::optim::Optimizer"));
  }
}
