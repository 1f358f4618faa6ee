// LBFGS against numbers recorded from torch 2.11: tests/conformance/record_optim.py.
#include <ATen/ATen.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/optim/lbfgs.h"
#include "optim/recorded.h"
#include "support/catch.h"

using namespace levin;

namespace {

// The recording script's `valley`, operator by operator in Python's order, in which gradients are added up.
at::Tensor valley(const std::vector<at::Tensor>& params) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& p : params) flat.push_back(p.flatten());
  const at::Tensor x = at::cat(flat);
  const auto squared = [](const auto& make) {
    const at::Tensor first = make(), second = make();
    return (first * second).sum();
  };
  const at::Tensor near = squared([&] { return x - 0.5; });
  const at::Tensor curved = squared([&] {
    const at::Tensor next = x.slice(0, 1), before = x.slice(0, 0, -1), again = x.slice(0, 0, -1);
    return next - before * again;
  });
  return near + 5 * curved;
}

std::shared_ptr<optim::LBFGS> make(const recorded::Json& options, const std::vector<at::Tensor>& params) {
  optim::LBFGSOptions given;
  read_fields(recorded::to_value(options), given, "");
  return optim::lbfgs(params, given);
}

double step(optim::LBFGS& optimizer, const std::vector<at::Tensor>& params) {
  const at::Tensor loss = optimizer.step([&] {
    optimizer.zero_grad();
    const at::Tensor value = valley(params);
    value.backward();
    return value;
  });
  return loss.detach().item<double>();
}

Value state_of(const optim::LBFGS& optimizer) { return *optimizer.state_dict().at("state").as_dict().find(Value(0)); }

std::string kind(const Value& value) {
  if (value.is_list()) return kind(value.items().front());
  return value.is_tensor() ? "Tensor" : value.is_int() ? "int" : "float";
}

}  // namespace

// In float32 the rounding of sums, which is the processor's, grows along the valley: there the decisions are not compared.
TEST_CASE("LBFGS takes torch's steps: as many evaluations, the same losses and parameters") {
  for (const auto& one : recorded::load("lbfgs.json")) {
    INFO(one.at("options") << " " << one.at("dtype"));
    const bool wide = one.at("dtype") == "float64";
    const auto params = recorded::make_params(wide ? at::kDouble : at::kFloat);
    const auto optimizer = make(one.at("options"), params);
    int count = 0;
    for (const auto& expected : one.at("steps")) {
      INFO("step " << ++count);
      CHECK(step(*optimizer, params) == Approx(expected.at("loss").get<double>()).epsilon(wide ? 1e-10 : 1e-3));
      const Value state = state_of(*optimizer);
      if (wide) {
        CHECK(state.at("func_evals").as_int() == expected.at("func_evals").get<std::int64_t>());
        CHECK(state.at("n_iter").as_int() == expected.at("n_iter").get<std::int64_t>());
        CHECK(state.at("t").number() == Approx(expected.at("t").get<double>()).epsilon(1e-9).margin(1e-12));
      }
      for (std::size_t i = 0; i < params.size(); ++i) {
        const at::Tensor ours = params[i].detach().to(at::kDouble).flatten();
        for (std::int64_t k = 0; k < ours.numel(); ++k)
          CHECK(ours[k].item<double>() == Approx(expected.at("params")[i][static_cast<std::size_t>(k)].get<double>()).margin(wide ? 1e-9 : 1e-2));
      }
    }
  }
}

TEST_CASE("LBFGS's state has Python's keys in Python's order and Python's kinds of values") {
  for (const auto& one : recorded::load("lbfgs.json")) {
    INFO(one.at("options") << " " << one.at("dtype"));
    const auto params = recorded::make_params(one.at("dtype") == "float64" ? at::kDouble : at::kFloat);
    const auto optimizer = make(one.at("options"), params);
    for (std::size_t i = 0; i < one.at("steps").size(); ++i) step(*optimizer, params);
    std::vector<std::string> ours, expected;
    const Value state = state_of(*optimizer), whole = optimizer->state_dict();
    for (const auto& [key, value] : state.as_dict()) ours.push_back(key.as_string() + ":" + kind(value));
    for (const auto& [key, value] : one.at("kinds").items()) {
      // Python keeps an `lr=1` as it was given; a float here.
      expected.push_back(key + ":" + (key == "t" && value == "int" ? "float" : value.get<std::string>()));
    }
    CHECK(ours == expected);
    std::vector<std::string> group;
    for (const auto& [key, value] : whole.at("param_groups").items()[0].as_dict()) group.push_back(key.as_string());
    CHECK(group == one.at("group").get<std::vector<std::string>>());
  }
}

TEST_CASE("an LBFGS that was saved and loaded goes on bit for bit") {
  for (const auto& one : recorded::load("lbfgs.json")) {
    INFO(one.at("options") << " " << one.at("dtype"));
    const auto params = recorded::make_params(one.at("dtype") == "float64" ? at::kDouble : at::kFloat);
    const auto optimizer = make(one.at("options"), params);
    step(*optimizer, params);
    std::vector<at::Tensor> copies;
    for (const at::Tensor& p : params) copies.push_back(p.detach().clone().requires_grad_());
    const Value state = snapshot(optimizer->state_dict());
    const auto resumed = optim::lbfgs(copies);  // the options come from the state
    resumed->load_state_dict(state);
    CHECK(resumed->state_dict() == state);
    for (int i = 0; i < 2; ++i) CHECK(step(*optimizer, params) == step(*resumed, copies));
    for (std::size_t i = 0; i < params.size(); ++i) CHECK(params[i].equal(copies[i]));
    CHECK(resumed->state_dict() == optimizer->state_dict());
  }
}

TEST_CASE("wrong options, a missing closure and a missing loss are said") {
  const auto params = recorded::make_params(at::kFloat);
  CHECK_THROWS_WITH(optim::lbfgs(params, {.lr = -1}), "Invalid learning rate: -1.0");
  CHECK_THROWS_WITH(optim::lbfgs(params, {.line_search_fn = "armijo"}), Catch::Matchers::StartsWith("only 'strong_wolfe' is supported"));
  CHECK_THROWS_WITH(optim::LBFGS(std::vector<optim::ParamGroup>{{{params[0]}}, {{params[1]}}}),
                    "LBFGS doesn't support per-parameter options (parameter groups)");
  CHECK_THROWS_AS(optim::lbfgs(params)->step(), TypeError);
  CHECK_THROWS_AS(optim::lbfgs(params)->step([] { return at::Tensor(); }), TypeError);
  Value state = optim::lbfgs(params)->state_dict();
  Dict states;
  states.set(0, Dict{{"func_evals", 1}, {"n_iter", 1}, {"d", to_tensor_ref(params[1].detach())}});
  state["state"] = states;
  CHECK_THROWS_AS(optim::lbfgs(params)->load_state_dict(state), ValueError);
}
