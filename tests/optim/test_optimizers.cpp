// Our optimizers against numbers recorded from torch 2.11, and what the numbers can't show.
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/sgd.h"
#include "optim/recorded.h"
#include "support/catch.h"

using namespace levin;

namespace {

at::Tensor parameter(double value = 1) { return at::ones({3}).mul_(value).requires_grad_(); }

double first(const at::Tensor& tensor) { return tensor.detach().flatten()[0].item<double>(); }

template <class O>
std::shared_ptr<optim::Optimizer> make(const std::vector<optim::ParamGroup>& groups, const Value& options) {
  typename O::Options given;
  read_fields(options, given, "");
  return std::make_shared<O>(groups, given);
}

/// The optimizer of a recorded case: two groups, the second with half the rate.
std::shared_ptr<optim::Optimizer> make(const recorded::Json& one, const std::vector<at::Tensor>& params) {
  const Value options = recorded::to_value(one.at("options"));
  const double lr = options.contains("lr") ? options.at("lr").number() : 1e-3;
  const std::vector<optim::ParamGroup> groups{{{params[0]}}, {{params[1]}, lr / 2}};
  if (one.at("optimizer") == "SGD") return make<optim::SGD>(groups, options);
  if (one.at("optimizer") == "Adam") return make<optim::Adam>(groups, options);
  return make<optim::AdamW>(groups, options);
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
  for (const auto& one : recorded::load("optimizers.json")) {
    INFO(one.at("optimizer") << " " << one.at("options") << " " << one.at("dtype"));
    const bool wide = one.at("dtype") == "float64";
    const auto params = recorded::make_params(wide ? at::kDouble : at::kFloat);
    const auto optimizer = make(one, params);
    train(*optimizer, params, 0, 100);
    for (std::size_t i = 0; i < params.size(); ++i) {
      const at::Tensor ours = params[i].detach().to(at::kDouble).flatten();
      for (std::int64_t k = 0; k < ours.numel(); ++k) {
        const double expected = one.at("params")[i][static_cast<std::size_t>(k)];
        CHECK(ours[k].item<double>() == Approx(expected).epsilon(wide ? 1e-12 : 1e-6).margin(wide ? 1e-13 : 1e-6));
      }
    }
    const Value state = optimizer->state_dict();
    CHECK(keys(state) == std::vector<std::string>{"state", "param_groups"});
    CHECK(state.at("state").size() == one.at("keys").at("state").size());
    for (const auto& [index, entry] : state.at("state").as_dict())
      CHECK(keys(entry) == one.at("keys").at("state").at(std::to_string(index.as_int())).get<std::vector<std::string>>());
    for (std::size_t g = 0; g < 2; ++g) {
      const Value& group = state.at("param_groups").items()[g];
      CHECK(keys(group) == one.at("keys").at("groups")[g].get<std::vector<std::string>>());
      CHECK(group.at("params") == Value::list({g}));
    }
  }
}

TEST_CASE("a saved and loaded optimizer goes on bit for bit") {
  for (const auto& one : recorded::load("optimizers.json")) {
    INFO(one.at("optimizer") << " " << one.at("options") << " " << one.at("dtype"));
    const auto params = recorded::make_params(one.at("dtype") == "float64" ? at::kDouble : at::kFloat);
    const auto optimizer = make(one, params);
    train(*optimizer, params, 0, 7);  // the second parameter has no state yet
    std::vector<at::Tensor> copies;
    for (const at::Tensor& p : params) copies.push_back(p.detach().clone().requires_grad_());
    const Value state = snapshot(optimizer->state_dict());

    recorded::Json plain = one;
    plain["options"] = recorded::Json::object();  // the options come from the state
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
  };
  for (const auto& [action, words] : table) CHECK(message<ValueError>(action) == words);
}
