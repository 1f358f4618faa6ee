#include <ATen/ops/ones.h>

#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/sgd.h"
#include "support/catch.h"

using namespace levin;

namespace {

at::Tensor parameter(double value = 1) { return at::ones({3}).mul_(value).requires_grad_(); }

double first(const at::Tensor& tensor) { return tensor.detach().flatten()[0].item<double>(); }

}  // namespace

TEST_CASE("a parameter without a gradient is skipped until it gets one") {
  const at::Tensor a = parameter(), b = parameter();
  const auto optimizer = optim::sgd({a, b}, {.lr = 0.1, .momentum = 0.5});
  a.mutable_grad() = at::ones({3});
  optimizer->step();
  CHECK(first(a) == Approx(0.9));
  CHECK(first(b) == 1);
  CHECK(optimizer->state_dict().at("state").size() == 1);
  b.mutable_grad() = at::ones({3});
  optimizer->step();
  CHECK(first(a) == Approx(0.75));
  CHECK(first(b) == Approx(0.9));
}

TEST_CASE("zero_grad drops gradients or fills them in place") {
  const at::Tensor a = parameter();
  const auto optimizer = optim::adamw({a});
  const at::Tensor gradient = at::ones({3});
  a.mutable_grad() = gradient;
  optimizer->zero_grad(false);
  CHECK(a.grad().is_same(gradient));
  CHECK(first(gradient) == 0);
  optimizer->zero_grad();
  CHECK_FALSE(a.grad().defined());
}
