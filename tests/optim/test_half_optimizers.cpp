// Parameters of 16 bits: every optimizer moves them as it does those of 32, to their rounding, whatever the number of elements.
#include <ATen/ATen.h>

#include <functional>

#include "levin/framework/optim/optimizers.h"
#include "support/catch.h"

namespace {

using namespace levin::optim;
using Make = std::function<std::shared_ptr<Optimizer>(std::vector<at::Tensor>)>;

const std::pair<const char*, Make> optimizers[] = {
    {"SGD", [](auto p) { return sgd(p, {.lr = 0.1}); }},
    {"SGD with all", [](auto p) { return sgd(p, {.lr = 0.05, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1, .maximize = true}); }},
    {"SGD nesterov", [](auto p) { return sgd(p, {.lr = 0.05, .momentum = 0.9, .nesterov = true}); }},
    {"Adam", [](auto p) { return adam(p, {.lr = 0.05}); }},
    {"AdamW", [](auto p) { return adamw(p, {.lr = 0.05, .weight_decay = 0.1}); }},
    {"Adagrad", [](auto p) { return adagrad(p, {.lr = 0.05}); }},
    {"RMSprop", [](auto p) { return rmsprop(p, {.lr = 0.02, .momentum = 0.5}); }},
    {"Adadelta", [](auto p) { return adadelta(p, {.lr = 1.0}); }},
    {"NAdam", [](auto p) { return nadam(p, {.lr = 0.02}); }},
    {"RAdam", [](auto p) { return radam(p, {.lr = 0.02}); }},
    {"Lion", [](auto p) { return lion(p, {.lr = 0.02}); }},
};

at::Tensor after(const Make& make, at::ScalarType type, std::int64_t count) {
  const at::Tensor k = at::arange(count, at::kDouble);
  const at::Tensor parameter = (k * 0.7).cos().to(type).requires_grad_();
  const auto optimizer = make({parameter});
  for (int step = 0; step < 8; ++step) {
    parameter.mutable_grad() = (k * 1.3 + 0.1 * step).sin().add(0.2).to(type);
    optimizer->step();
  }
  return parameter.detach().to(at::kDouble);
}

}  // namespace

TEST_CASE("every optimizer moves 16-bit parameters as it does 32-bit ones") {
  for (const auto& [name, make] : optimizers) {
    for (const std::int64_t count : {1, 7, 32, 33, 130, 40000}) {
      INFO(name << ", " << count << " elements");
      const at::Tensor exact = after(make, at::kFloat, count);
      CHECK((exact - (at::arange(count, at::kDouble) * 0.7).cos()).abs().max().item<double>() > 0.03);
      // The mean: where Lion's direction is all but zero, its sign hangs on a digit.
      CHECK((after(make, at::kBFloat16, count) - exact).abs().mean().item<double>() < 0.02);
      CHECK((after(make, at::kHalf, count) - exact).abs().mean().item<double>() < 0.003);
    }
  }
}

TEST_CASE("a gradient that is still scaled is divided, and one that overflowed moves nothing") {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor plain = at::ones({40}, type).requires_grad_(), scaled = at::ones({40}, type).requires_grad_();
    plain.mutable_grad() = at::full({40}, 0.5, type);
    scaled.mutable_grad() = at::full({40}, 4.0, type);
    sgd(std::vector<at::Tensor>{plain}, {.lr = 0.25})->step();
    const auto optimizer = sgd(std::vector<at::Tensor>{scaled}, {.lr = 0.25});
    optimizer->set_amp_scaling({.grad_scale = at::full({}, 8.0f), .found_inf = at::zeros({})});
    optimizer->step();
    CHECK(at::equal(plain, scaled));
    CHECK(plain[0].item<double>() == 0.875);
    optimizer->set_amp_scaling({.grad_scale = at::full({}, 8.0f), .found_inf = at::ones({})});
    optimizer->step();
    CHECK(at::equal(plain, scaled));
  }
}
