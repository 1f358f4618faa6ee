// States that were saved by another optimizer, or that a scheduler has left where no user would.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/sgd.h"
#include "support/catch.h"

using namespace levin;

namespace {

at::Tensor parameter() { return at::ones({3}).requires_grad_(true); }

const Value& option(const Value& state, std::string_view name) { return state.at("param_groups").items()[0].at(name); }

}  // namespace

TEST_CASE("AdamW stays AdamW with a state of Adam, and Adam takes over how weights decay") {
  const auto adamw = optim::adamw({parameter()}, {.weight_decay = 0.1});
  const auto adam = optim::adam({parameter()}, {.weight_decay = 0.2});
  const Value of_adam = snapshot(adam->state_dict());
  adam->load_state_dict(adamw->state_dict());
  CHECK(option(adam->state_dict(), "decoupled_weight_decay") == Value(true));
  adamw->load_state_dict(of_adam);
  CHECK(option(adamw->state_dict(), "decoupled_weight_decay") == Value(true));
  CHECK(option(adamw->state_dict(), "weight_decay") == Value(0.2));
}

TEST_CASE("Nesterov's momentum may be 0 in a group, and in a state") {
  const at::Tensor a = parameter(), b = parameter();
  const auto sgd = optim::sgd({{.params = {a}}, {.params = {b}, .options = {{"momentum", 0.0}}}}, {.lr = 0.5, .momentum = 0.9, .nesterov = true});
  for (const at::Tensor& p : {a, b}) p.mutable_grad() = at::ones({3});
  sgd->step();
  CHECK(a[0].item<float>() == Approx(1 - 0.5 * 1.9));
  CHECK(b[0].item<float>() == Approx(1 - 0.5));
  sgd->set_momentum(0, 0.0);  // as CyclicLR and OneCycleLR do at their peak
  const Value state = snapshot(sgd->state_dict());
  sgd->load_state_dict(state);
  CHECK(sgd->momentum(0) == 0.0);
}

TEST_CASE("a state holds whatever a scheduler has set, and what a user adds is checked") {
  const auto sgd = optim::sgd({parameter()}, {.lr = 0.1});
  sgd->set_lr(0, -1e-12);
  const Value state = snapshot(sgd->state_dict());
  sgd->set_lr(0, 0.1);
  sgd->load_state_dict(state);
  CHECK(sgd->lr(0) == -1e-12);
  CHECK_THROWS_WITH(sgd->add_param_group({.params = {parameter()}, .lr = -1.0}), "Invalid learning rate: -1.0");
  CHECK(sgd->group_count() == 1);
}

TEST_CASE("an option of another type leaves all as it was") {
  const at::Tensor a = parameter(), b = parameter();
  const auto sgd = optim::sgd({{.params = {a}}, {.params = {b}}}, {.lr = 0.1, .momentum = 0.9});
  for (const at::Tensor& p : {a, b}) p.mutable_grad() = at::ones({3});
  sgd->step();
  const Value before = snapshot(sgd->state_dict());
  Value wrong = before.clone();
  wrong["param_groups"].items()[0]["lr"] = 0.7;
  wrong["param_groups"].items()[1]["momentum"] = "much";
  CHECK_THROWS_AS(sgd->load_state_dict(wrong), TypeError);
  CHECK(sgd->state_dict() == before);
}

TEST_CASE("what is kept for a parameter goes with it") {
  const at::Tensor a = parameter(), b = parameter();
  const auto sgd = optim::sgd({a, b}, {.lr = 0.1, .momentum = 0.9});
  for (const at::Tensor& p : {a, b}) p.mutable_grad() = at::ones({3});
  sgd->step();
  const Dict options = sgd->group_dict(0);
  sgd->set_param_groups({{options, {b}}});
  CHECK(sgd->state_dict().at("state").size() == 1);
  sgd->set_param_groups({{options, {a, b}}});
  CHECK(sgd->state_dict().at("state").size() == 1);
}

TEST_CASE("what is kept follows a parameter into another memory format") {
  const auto weights = [](bool turns) {
    const at::Tensor w = at::arange(24, at::kFloat).reshape({2, 3, 2, 2}).div(24).requires_grad_(true);
    const auto adam = optim::adam({w}, {.lr = 0.1});
    for (int step = 0; step < 4; ++step) {
      if (turns && step == 2) w.set_data(w.detach().contiguous(at::MemoryFormat::ChannelsLast));
      w.mutable_grad() = w.detach() * (step + 1) - 0.3;
      adam->step();
    }
    return w.detach().contiguous();
  };
  CHECK(at::allclose(weights(false), weights(true), 0, 1e-7));
}

TEST_CASE("a gradient that is filled with zeros lets go of its graph") {
  const at::Tensor a = parameter();
  const auto sgd = optim::sgd({a}, {.lr = 0.1});
  const at::Tensor loss = (a * a * a).sum();
  a.mutable_grad() = torch::autograd::grad({loss}, {a}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
  REQUIRE(a.grad().grad_fn());
  sgd->zero_grad(/*set_to_none=*/false);
  CHECK_FALSE(a.grad().grad_fn());
  CHECK(a.grad().equal(at::zeros({3})));
}
