#include "levin/framework/optim/muon.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>

namespace levin::optim {
namespace {

at::Tensor orthogonal(const at::Tensor& matrix, const MuonOptions& o) {
  const bool tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = matrix.to(at::kBFloat16, /*non_blocking=*/false, /*copy=*/true);
  if (tall) x = x.t();
  x.div_(x.norm().clamp_min(o.eps));  // so that no singular value is above 1
  const auto [a, b, c] = o.ns_coefficients;
  for (std::int64_t i = 0; i < o.ns_steps; ++i) {
    const at::Tensor gram = x.matmul(x.t());
    x = at::addmm(x, at::addmm(gram, gram, gram, b, c), x, a);
  }
  return tall ? x.t() : x;
}

double adjusted(double rate, const MuonOptions& o, const at::Tensor& matrix) {
  const auto rows = static_cast<double>(matrix.size(0)), columns = static_cast<double>(matrix.size(1));
  if (o.adjust_lr_fn == "match_rms_adamw") return rate * (0.2 * std::sqrt(std::max(rows, columns)));
  return rate * std::sqrt(std::max(1.0, rows / columns));
}

void require_matrix(const at::Tensor& parameter) {
  if (parameter.dim() == 2) return;
  throw ValueError("Muon only supports 2D parameters whereas we found a parameter with size: torch.Size(" +
                   Field<std::vector<std::int64_t>>::write(parameter.sizes().vec()).repr() + ")");
}

}  // namespace

void check(const MuonOptions& o) {
  require(o.lr >= 0, "Learning rate should be >= 0 but is: ", o.lr);
  require(o.momentum >= 0, "momentum should be >= 0 but is: ", o.momentum);
  require(o.weight_decay >= 0, "weight decay should be >= 0 but is: ", o.weight_decay);
  if (o.adjust_lr_fn && *o.adjust_lr_fn != "original" && *o.adjust_lr_fn != "match_rms_adamw")
    throw ValueError("Adjust learning rate function " + *o.adjust_lr_fn + " is not supported");
  if (o.ns_steps >= 100) throw ValueError("Number of steps must be less than 100 for computational efficiency");
}

Muon::Muon(std::vector<at::Tensor> params, Options options) : Muon(std::vector<ParamGroup>{{std::move(params)}}, options) {}

Muon::Muon(const std::vector<ParamGroup>& groups, Options options)
    : OptimizerWith(groups, options, {{"momentum_buffer"}},
                    {"lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn"}) {
  for (const ParamGroup& group : groups)
    for (const at::Tensor& parameter : group.params) require_matrix(parameter);
}

Muon::~Muon() = default;

void Muon::update(std::size_t group, FusedBucket& bucket, const StepInputs& in) {
  const Options& o = options(group);
  for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
    at::Tensor& parameter = bucket.parameters[i];
    at::Tensor& mean = bucket.state[0][i];
    mean.lerp_(bucket.gradients[i], 1 - o.momentum);
    const at::Tensor update = orthogonal(o.nesterov ? bucket.gradients[i].lerp(mean, o.momentum) : mean, o);
    parameter.mul_(1 - in.lr * o.weight_decay);
    parameter.add_(update, -adjusted(in.lr, o, parameter));
  }
}

std::shared_ptr<Muon> muon(std::vector<at::Tensor> params, MuonOptions options) {
  return std::make_shared<Muon>(std::move(params), options);
}

std::shared_ptr<Muon> muon(const std::vector<ParamGroup>& groups, MuonOptions options) {
  return std::make_shared<Muon>(groups, options);
}

}  // namespace levin::optim
