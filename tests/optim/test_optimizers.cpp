// Our optimizers against numbers recorded from torch 2.11, and what the numbers can't show.
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/optim/optimizers.h"
#include "optim/recorded.h"
#include "support/catch.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace levin;

namespace {

at::Tensor parameter(double value = 1) { return at::ones({3}).mul_(value).requires_grad_(); }

double first(const at::Tensor& tensor) { return tensor.detach().flatten()[0].item<double>(); }

template <class O>
std::shared_ptr<optim::Optimizer> make(std::vector<optim::ParamGroup> groups, const Value& options) {
  typename O::Options given;
  read_fields(options, given, "");
  groups[1].lr = given.lr / 2;
  return std::make_shared<O>(groups, given);
}

using Make = std::shared_ptr<optim::Optimizer> (*)(std::vector<optim::ParamGroup>, const Value&);
const std::map<std::string, Make> by_name{
    {"SGD", make<optim::SGD>},           {"Adam", make<optim::Adam>},   {"AdamW", make<optim::AdamW>}, {"RMSprop", make<optim::RMSprop>},
    {"Adagrad", make<optim::Adagrad>},   {"NAdam", make<optim::NAdam>}, {"RAdam", make<optim::RAdam>}, {"Lion", make<optim::Lion>},
    {"Adadelta", make<optim::Adadelta>}, {"Muon", make<optim::Muon>},
};

std::vector<at::Tensor> make_params(const recorded::Json& one) {
  return recorded::make_params(one.at("dtype") == "float64" ? at::kDouble : at::kFloat, one.at("optimizer") == "Muon");
}

/// The optimizer of a recorded case: two groups, the second with half the rate and options of its own.
std::shared_ptr<optim::Optimizer> make(const recorded::Json& one, const std::vector<at::Tensor>& params) {
  std::vector<optim::ParamGroup> groups{{{params[0]}}, {{params[1]}}};
  groups[1].options = recorded::to_value(one.at("second")).as_dict();
  return by_name.at(one.at("optimizer"))(groups, recorded::to_value(one.at("options")));
}

/// The recorded cases, and those again that can be computed with `_foreach_` operators.
std::vector<recorded::Json> cases() {
  std::vector<recorded::Json> out;
  for (const auto& one : recorded::load("optimizers.json")) {
    out.push_back(one);
    if (!one.at("foreach")) continue;
    out.push_back(one);
    out.back()["options"]["foreach"] = true;
  }
  return out;
}

void train(optim::Optimizer& optimizer, const std::vector<at::Tensor>& params, int from, int to) {
  for (int step = from; step < to; ++step) {
    recorded::set_gradients(params, step);
    optimizer.step();
  }
}

std::vector<std::string> keys(const Value& dict) {
  std::vector<std::string> out;
  for (const auto& [key, unused] : dict.as_dict()) out.push_back(key.is_int() ? std::to_string(key.as_int()) : key.as_string());
  return out;
}

template <class E>
std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a hundred steps end at torch's parameters with torch's state keys") {
  for (const auto& one : cases()) {
    INFO(one.at("optimizer") << " " << one.at("options") << " " << one.at("dtype"));
    // NAdam multiplies its product of momenta in float whatever the parameters are, Muon its matrices in bfloat16.
    const bool wide = one.at("dtype") == "float64";
    const double tolerance = wide ? 1e-12 : 1e-6;
    const auto params = make_params(one);
    const auto optimizer = make(one, params);
    train(*optimizer, params, 0, 100);
    for (std::size_t i = 0; i < params.size(); ++i) {
      const at::Tensor ours = params[i].detach().to(at::kDouble).flatten();
      for (std::int64_t k = 0; k < ours.numel(); ++k) {
        const double expected = one.at("params")[i][static_cast<std::size_t>(k)];
        CHECK(ours[k].item<double>() == Approx(expected).epsilon(tolerance).margin(tolerance));
      }
    }
    const Value state = optimizer->state_dict();
    CHECK(keys(state) == std::vector<std::string>{"state", "param_groups"});
    CHECK(state.at("state").size() == one.at("keys").at("state").size());
    for (const auto& [index, entry] : state.at("state").as_dict())
      CHECK(keys(entry) == one.at("keys").at("state").at(std::to_string(index.as_int())).get<std::vector<std::string>>());
    for (std::size_t g = 0; g < 2; ++g) {
      const Value& group = state.at("param_groups").items()[g];
      auto own = keys(group), torch = one.at("keys").at("groups")[g].get<std::vector<std::string>>();
      if (g > 0) {  // Python puts a group's own options first
        std::sort(own.begin(), own.end());
        std::sort(torch.begin(), torch.end());
      }
      CHECK(own == torch);
      CHECK(group.at("params") == Value::list({g}));
    }
  }
}

TEST_CASE("a saved and loaded optimizer goes on bit for bit") {
  for (const auto& one : cases()) {
    INFO(one.at("optimizer") << " " << one.at("options") << " " << one.at("dtype"));
    const auto params = make_params(one);
    const auto optimizer = make(one, params);
    train(*optimizer, params, 0, 7);  // the second parameter has no state yet
    std::vector<at::Tensor> copies;
    for (const at::Tensor& p : params) copies.push_back(p.detach().clone().requires_grad_());
    const Value state = snapshot(optimizer->state_dict());

    recorded::Json plain = one;
    plain["options"] = plain["second"] = recorded::Json::object();  // the options come from the state
    const auto resumed = make(plain, copies);
    resumed->load_state_dict(state);
    CHECK(resumed->state_dict() == state);
    train(*optimizer, params, 7, 30);
    train(*resumed, copies, 7, 30);
    for (std::size_t i = 0; i < params.size(); ++i) CHECK(params[i].equal(copies[i]));
    CHECK(resumed->state_dict() == optimizer->state_dict());
  }
}

TEST_CASE("loaded state takes its parameter's type and layout and what a group holds besides is kept") {
  const at::Tensor narrow = parameter().detach().to(at::kBFloat16).requires_grad_();
  const at::Tensor turned = at::ones({4, 3}).t().requires_grad_();
  const auto optimizer = optim::adam({narrow, turned});
  Value state = optimizer->state_dict();
  const auto entry = [](at::IntArrayRef size) {
    return Dict{{"step", 3}, {"exp_avg", to_tensor_ref(at::ones(size, at::kDouble))},
                {"exp_avg_sq", to_tensor_ref(at::ones(size, at::kDouble))}};
  };
  Dict states;
  states.set(0, entry({3}));
  states.set(1, entry({3, 4}));
  state["state"] = states;
  state["param_groups"].items()[0]["owner"] = "mine";
  optimizer->load_state_dict(state);
  narrow.mutable_grad() = at::ones({3}, at::kBFloat16);
  turned.mutable_grad() = at::ones({3, 4});  // not laid out as the parameter
  optimizer->step();
  const Value after = optimizer->state_dict();
  const auto& kept = *after.at("state").as_dict().find(Value(0));
  CHECK(kept.at("step").number() == 4);
  CHECK(kept.at("exp_avg").as_tensor().dtype == DType::bfloat16);
  CHECK(after.at("state").as_dict().find(Value(1))->at("exp_avg").as_tensor().strides == std::vector<std::int64_t>{1, 3});
  CHECK(after.at("param_groups").items()[0].at("owner").as_string() == "mine");
  CHECK(turned.equal(at::ones({3, 4}).mul_(first(turned))));
}

TEST_CASE("a state that does not fit is refused and changes nothing") {
  const at::Tensor a = parameter(), b = parameter();
  const auto optimizer = optim::sgd({a, b}, {.momentum = 0.9});
  a.mutable_grad() = at::ones({3});
  optimizer->step();
  const Value before = snapshot(optimizer->state_dict());
  const auto refusal = [&](const Value& state) { return message<ValueError>([&] { optimizer->load_state_dict(state); }); };

  Value groups = before.clone();
  groups["param_groups"].push_back(groups.at("param_groups").items()[0]);
  CHECK(refusal(groups) == "loaded state dict has a different number of parameter groups");
  Value sizes = before.clone();
  sizes["param_groups"].items()[0]["params"].push_back(2);
  CHECK(refusal(sizes) == "loaded state dict contains a parameter group that doesn't match the size of optimizer's group");
  Value shape = before.clone();
  shape["state"].as_dict().set(0, Dict{{"momentum_buffer", to_tensor_ref(at::ones({4}))}});
  CHECK_THAT(refusal(shape), Catch::Contains("'momentum_buffer' of another size"));
  CHECK(optimizer->state_dict() == before);
}

TEST_CASE("a parameter without a gradient is skipped until it gets one") {
  const at::Tensor a = parameter(), b = parameter();
  const auto optimizer = optim::sgd({a, b}, {.lr = 0.1, .momentum = 0.5});
  a.mutable_grad() = at::ones({3});
  optimizer->step();
  CHECK(first(b) == 1);
  CHECK(optimizer->state_dict().at("state").size() == 1);
  b.mutable_grad() = at::ones({3});
  optimizer->step();
  CHECK(first(a) == Approx(0.75));
  CHECK(first(b) == Approx(0.9));
}

TEST_CASE("zero_grad drops gradients or fills them in place, and a step keeps no gradient alive") {
  const at::Tensor a = parameter();
  const auto optimizer = optim::adamw({a});
  const at::Tensor gradient = at::ones({3});
  a.mutable_grad() = gradient;
  optimizer->step();
  optimizer->zero_grad(false);
  CHECK(a.grad().is_same(gradient));
  CHECK(first(gradient) == 0);
  optimizer->zero_grad();
  CHECK_FALSE(a.grad().defined());
  CHECK(gradient.use_count() == 1);
}

TEST_CASE("a closure runs with gradients and its loss is returned") {
  const at::Tensor a = parameter();
  const auto optimizer = optim::sgd({a}, {.lr = 0.5});
  const at::Tensor loss = optimizer->step([&] {
    const at::Tensor sum = a.mul(a).sum();
    sum.backward();
    return sum;
  });
  CHECK(loss.item<double>() == 3);
  CHECK(first(a) == 0);
}

TEST_CASE("a tensor listed twice in a group is one parameter") {
  const at::Tensor a = parameter();
  const auto optimizer = optim::sgd({a, a}, {.lr = 0.1});
  a.mutable_grad() = at::ones({3});
  optimizer->step();
  CHECK(first(a) == Approx(0.9));
  CHECK(optimizer->state_dict().at("param_groups").items()[0].at("params").size() == 1);
}

TEST_CASE("options and parameters out of range are refused in torch's words") {
  const at::Tensor a = parameter();
  const std::vector<std::pair<std::function<void()>, std::string>> table{
      {[&] { optim::sgd({a}, {.lr = -1}); }, "Invalid learning rate: -1.0"},
      {[&] { optim::sgd({a}, {.momentum = -0.5}); }, "Invalid momentum value: -0.5"},
      {[&] { optim::sgd({a}, {.nesterov = true}); }, "Nesterov momentum requires a momentum and zero dampening"},
      {[&] { optim::adam({a}, {.betas = {1.5, 0.9}}); }, "Invalid beta parameter at index 0: 1.5"},
      {[&] { optim::adam({a}, {.betas = {0.9, 1.0}}); }, "Invalid beta parameter at index 1: 1.0"},
      {[&] { optim::adam({a}, {.eps = -1e-8}); }, "Invalid epsilon value: -1e-08"},
      {[&] { optim::adamw({a}, {.weight_decay = -1}); }, "Invalid weight_decay value: -1.0"},
      {[&] { optim::adamw({{.params = {a}, .lr = -2.0}}); }, "Invalid learning rate: -2.0"},
      {[&] { optim::sgd(std::vector<at::Tensor>{}); }, "optimizer got an empty parameter list"},
      {[&] { optim::sgd({a.mul(2)}); }, "can't optimize a non-leaf Tensor"},
      {[&] { optim::adam({{.params = {a}}, {.params = {a}}}); }, "some parameters appear in more than one parameter group"},
      {[&] { optim::rmsprop({a}, {.alpha = -1}); }, "Invalid alpha value: -1.0"},
      {[&] { optim::adagrad({a}, {.lr_decay = -1}); }, "Invalid lr_decay value: -1.0"},
      {[&] { optim::adadelta({a}, {.rho = 1.5}); }, "Invalid rho value: 1.5"},
      {[&] { optim::nadam({a}, {.momentum_decay = -1}); }, "Invalid momentum_decay value: -1.0"},
      {[&] { optim::radam({a}, {.betas = {0.9, 1}}); }, "Invalid beta parameter at index 1: 1.0"},
      {[&] { optim::lion({a}, {.lr = -1}); }, "Invalid learning rate: -1.0"},
      {[&] { optim::muon({a}, {.adjust_lr_fn = "none"}); }, "Adjust learning rate function none is not supported"},
      {[&] { optim::adam({a}, {.differentiable = true}); },
       "differentiable=True: a step is never recorded for autograd here; leave it out"},
  };
  for (const auto& [action, words] : table) CHECK(message<ValueError>(action) == words);
}

TEST_CASE("a group takes any option of its optimizer, and only those") {
  const at::Tensor a = parameter(), b = parameter();
  const auto optimizer = optim::adam(
      {{.params = {a}}, {.params = {b}, .lr = 0.5, .options = {{"betas", Value::list({0.5, 0.6})}, {"amsgrad", true}}, .name = "slow"}}, {.eps = 1e-6});
  CHECK(optimizer->options(0).betas == std::array<double, 2>{0.9, 0.999});
  CHECK(optimizer->options(1).betas == std::array<double, 2>{0.5, 0.6});
  CHECK(optimizer->options(1).amsgrad);
  CHECK(optimizer->options(1).eps == 1e-6);
  CHECK(optimizer->lr(1) == 0.5);
  CHECK(optimizer->group_name(1) == "slow");
  CHECK(optimizer->state_dict().at("param_groups").items()[1].at("name").as_string() == "slow");
  CHECK(message<KeyError>([&] { optim::adam({{.params = {a}, .options = {{"beta", 0.5}}}}); }) ==
        "param_groups[0]: unknown key 'beta'; did you mean 'betas'?");
  CHECK(message<ValueError>([&] { optim::adam({{.params = {a}, .options = {{"eps", -1.0}}}}); }) == "Invalid epsilon value: -1.0");
}

TEST_CASE("a group that is added later has its own options, and a wrong one is not added") {
  const at::Tensor a = parameter(), b = parameter(), c = parameter();
  const auto optimizer = optim::rmsprop({a}, {.lr = 0.1, .momentum = 0.9});
  a.mutable_grad() = at::ones({3});
  optimizer->step();
  optimizer->add_param_group({.params = {b}, .lr = 0.5, .options = {{"momentum", 0.0}}, .name = "late"});
  CHECK(optimizer->group_count() == 2);
  CHECK(optimizer->options(1).momentum == 0);
  CHECK(optimizer->options(1).alpha == 0.99);
  CHECK(optimizer->group_name(1) == "late");
  b.mutable_grad() = at::ones({3});
  optimizer->step();
  CHECK(first(b) == Approx(1 - 0.5 / (std::sqrt(0.01) + 1e-8)));
  CHECK(message<KeyError>([&] { optimizer->add_param_group({.params = {c}, .options = {{"momentun", 0.5}}}); }) ==
        "param_groups[2]: unknown key 'momentun'; did you mean 'momentum'?");
  CHECK(message<ValueError>([&] { optimizer->add_param_group({.params = {c}, .lr = -1}); }) == "Invalid learning rate: -1.0");
  CHECK(message<ValueError>([&] { optimizer->add_param_group({.params = {a}}); }) == "some parameters appear in more than one parameter group");
  CHECK(optimizer->group_count() == 2);
}

TEST_CASE("gradients are divided by a scaler's factor, and an infinite one leaves everything as it was") {
  using Make = std::shared_ptr<optim::Optimizer> (*)(std::vector<at::Tensor>);
  const Make makes[] = {[](std::vector<at::Tensor> p) -> std::shared_ptr<optim::Optimizer> { return optim::sgd(p, {.momentum = 0.9}); },
                        [](std::vector<at::Tensor> p) -> std::shared_ptr<optim::Optimizer> { return optim::adam(p); },
                        [](std::vector<at::Tensor> p) -> std::shared_ptr<optim::Optimizer> { return optim::adamw(p); },
                        [](std::vector<at::Tensor> p) -> std::shared_ptr<optim::Optimizer> { return optim::adagrad(p); }};
  for (const Make make : makes) {
    const at::Tensor plain = parameter(), scaled = parameter();
    const auto one = make({plain}), other = make({scaled});
    INFO(one->class_name());
    CHECK(other->step_supports_amp_scaling());
    for (const bool found : {false, true, false}) {
      if (!found) {
        plain.mutable_grad() = at::ones({3}).mul_(0.5);
        one->step();
      }
      scaled.mutable_grad() = at::ones({3}).mul_(0.5 * 1024);
      other->set_amp_scaling({.grad_scale = at::ones({}).mul_(1024), .found_inf = found ? at::ones({}) : at::zeros({})});
      other->step();
      CHECK(plain.equal(scaled));
      CHECK(one->state_dict().at("state") == other->state_dict().at("state"));
    }
  }
}

TEST_CASE("a rate in a tensor is the same rate") {
  const at::Tensor number = parameter(), tensor = parameter();
  const auto one = optim::adamw({number}, {.lr = 0.125}), other = optim::adamw({tensor}, {.lr = 0.125});
  other->use_tensor_lr(true);
  for (int step = 0; step < 3; ++step) {
    number.mutable_grad() = at::ones({3});
    tensor.mutable_grad() = at::ones({3});
    one->step();
    other->step();
    one->set_lr(0, 0.5);
    other->set_lr(0, 0.5);
    CHECK(number.equal(tensor));
  }
  const auto plain = optim::adadelta({number});
  CHECK(message<ValueError>([&] { plain->use_tensor_lr(true); }) == "Adadelta can't read its learning rate from a tensor");
}

TEST_CASE("our kernels update large, half and turned parameters as small ones") {
  const at::Tensor large = at::ones({300, 1000}).requires_grad_(), turned = at::ones({4, 3}).t().requires_grad_();
  const at::Tensor narrow = at::ones({3}).to(at::kBFloat16).requires_grad_(), small = parameter();
  const std::vector<at::Tensor> all{large, turned, narrow, small};
  const std::shared_ptr<optim::Optimizer> optimizers[] = {optim::rmsprop(all), optim::adadelta(all), optim::nadam(all), optim::radam(all),
                                                          optim::lion(all, {.lr = 0.01})};
  for (const auto& optimizer : optimizers) {
    INFO(optimizer->class_name());
    const at::Tensor before = small.detach().clone();
    for (const at::Tensor& p : all) p.mutable_grad() = at::ones(p.sizes(), p.options().requires_grad(false));
    optimizer->step();
    CHECK_FALSE(small.equal(before));
    CHECK(large.equal(at::ones_like(large).mul_(first(small))));
    CHECK(turned.equal(at::ones_like(turned).mul_(first(small))));
    CHECK(first(narrow) == Approx(first(small)).epsilon(0.01));
  }
}

TEST_CASE("a step by our kernels is seen by autograd") {
  const at::Tensor a = parameter();
  const at::Tensor square = a.square().sum();
  const auto optimizer = optim::lion({a});
  a.mutable_grad() = at::ones({3});
  optimizer->step();
  CHECK_THROWS_AS(square.backward(), c10::Error);
}

TEST_CASE("the state of Adagrad is there from the start, with the group's own value") {
  const at::Tensor a = parameter(), b = parameter();
  const auto optimizer = optim::adagrad({{.params = {a}}, {.params = {b}, .options = {{"initial_accumulator_value", 0.5}}}});
  const Value states = optimizer->state_dict().at("state");
  REQUIRE(states.size() == 2);
  CHECK(to_tensor(states.as_dict().find(Value(1))->at("sum").as_tensor()).equal(at::ones({3}).mul_(0.5)));
}

TEST_CASE("Muon takes matrices only") {
  CHECK(message<ValueError>([] { optim::muon({parameter()}); }) ==
        "Muon only supports 2D parameters whereas we found a parameter with size: torch.Size([3])");
}

TEST_CASE("a sparse gradient is refused with what to do") {
  const at::Tensor a = parameter();
  a.mutable_grad() = at::ones({3}).to_sparse();
  const auto optimizer = optim::sgd({a});
  CHECK(message<RuntimeError>([&] { optimizer->step(); }) ==
        "the fused optimizers do not support sparse gradients; make the embedding's gradient dense");
}
