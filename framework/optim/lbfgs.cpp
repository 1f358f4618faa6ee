#include "levin/framework/optim/lbfgs.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"
#include "levin/framework/optim/strong_wolfe.h"

namespace levin::optim {
namespace {

LBFGSOptions checked(LBFGSOptions o) {
  require(o.lr >= 0, "Invalid learning rate: ", o.lr);
  if (o.line_search_fn && *o.line_search_fn != "strong_wolfe")
    throw RuntimeError("only 'strong_wolfe' is supported, got line_search_fn='" + *o.line_search_fn + "'");
  if (!o.max_eval) o.max_eval = o.max_iter * 5 / 4;
  return o;
}

TorchNumber largest(const at::Tensor& tensor) { return TorchNumber::of(tensor.abs().max()); }
TorchNumber number_dot(const at::Tensor& a, const at::Tensor& b) { return TorchNumber::of(a.dot(b)); }

}  // namespace

// What is kept between steps; where a tensor is undefined, no step has got that far.
struct LBFGS::State final : torch::optim::OptimizerParamState {
  std::int64_t func_evals = 0, n_iter = 0;
  bool stepped = false;
  at::Tensor d, prev_flat_grad;
  TorchNumber t, h_diag = 1, prev_loss;
  std::vector<at::Tensor> old_dirs, old_stps;
  std::vector<TorchNumber> ro, al;  // al: of the last direction; Python keeps it too
  bool al_last = false;             // made in a later step than the rest, and so the last of Python's keys
};

LBFGS::LBFGS(std::vector<at::Tensor> params, Options options) : LBFGS(std::vector<ParamGroup>{{std::move(params)}}, options) {}

LBFGS::LBFGS(const std::vector<ParamGroup>& groups, Options options)
    : Optimizer(make_groups(groups, checked(options)), std::make_unique<GroupOptions<Options>>(checked(options))) {
  if (groups.size() != 1) throw ValueError("LBFGS doesn't support per-parameter options (parameter groups)");
}

LBFGS::~LBFGS() = default;

const LBFGSOptions& LBFGS::options() const { return static_cast<const GroupOptions<Options>&>(group_options(0)).values; }

LBFGS::State& LBFGS::state() {
  auto& entry = state_[first().unsafeGetTensorImpl()];
  if (!entry) entry = std::make_unique<State>();
  return static_cast<State&>(*entry);
}

at::Tensor LBFGS::flat_gradient() const {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& parameter : param_groups()[0].params()) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) parts.push_back(at::zeros({parameter.numel()}, parameter.options().requires_grad(false)));
    else if (gradient.is_sparse()) parts.push_back(gradient.to_dense().reshape(-1));
    else parts.push_back(gradient.reshape(-1));
  }
  return at::cat(parts);
}

void LBFGS::move(double step, const at::Tensor& direction) {
  std::int64_t offset = 0;
  for (at::Tensor& parameter : param_groups()[0].params()) {
    parameter.add_(direction.slice(0, offset, offset + parameter.numel()).view_as(parameter), step);
    offset += parameter.numel();
  }
}

// The approximate inverse Hessian, made of the history, times the gradient.
at::Tensor LBFGS::next_direction(State& s, const at::Tensor& gradient) {
  if (s.n_iter == 1) {
    s.old_dirs.clear(), s.old_stps.clear(), s.ro.clear();
    s.h_diag = 1;
    return gradient.neg();
  }
  const at::Tensor y = gradient.sub(s.prev_flat_grad), step = s.d.mul(s.t.value());
  const TorchNumber ys = number_dot(y, step);
  if (ys > 1e-10) {
    if (static_cast<std::int64_t>(s.old_dirs.size()) == options().history_size) {
      s.old_dirs.erase(s.old_dirs.begin());
      s.old_stps.erase(s.old_stps.begin());
      s.ro.erase(s.ro.begin());
    }
    s.old_dirs.push_back(y);
    s.old_stps.push_back(step);
    s.ro.push_back(TorchNumber(1) / ys);
    s.h_diag = ys / number_dot(y, y);
  }
  if (s.al.empty()) s.al_last = s.stepped;
  s.al.resize(static_cast<std::size_t>(options().history_size));
  at::Tensor q = gradient.neg();
  for (std::size_t i = s.old_dirs.size(); i-- > 0;) {
    s.al[i] = number_dot(s.old_stps[i], q) * s.ro[i];
    q.add_(s.old_dirs[i], -s.al[i].value());
  }
  at::Tensor r = q.mul(s.h_diag.value());
  for (std::size_t i = 0; i < s.old_dirs.size(); ++i) {
    const TorchNumber beta = number_dot(s.old_dirs[i], r) * s.ro[i];
    r.add_(s.old_stps[i], (s.al[i] - beta).value());
  }
  return r;
}

at::Tensor LBFGS::step(LossClosure closure) {
  if (!closure) throw TypeError("LBFGS.step() needs a closure that computes the loss and its gradients anew; in automatic optimization the "
                                "Trainer's, `optimizer.step(closure)`");
  const c10::AutoGradMode no_grad(false);
  const auto evaluate = [&closure] {
    const c10::AutoGradMode with_grad(true);
    return closure();
  };
  const auto number = [](const at::Tensor& loss) {
    if (!loss.defined()) throw TypeError("LBFGS needs a loss, and the closure returned none; return one from every `training_step`");
    return TorchNumber(loss.item().toDouble());
  };
  const Options& o = options();
  State& s = state();

  const at::Tensor first_loss = evaluate();
  TorchNumber loss = number(first_loss);
  std::int64_t evaluations = 1;
  ++s.func_evals;
  at::Tensor gradient = flat_gradient();
  bool optimal = largest(gradient) <= o.tolerance_grad;
  if (optimal) return first_loss;

  for (std::int64_t iteration = 1; iteration <= o.max_iter; ++iteration) {
    ++s.n_iter;
    s.d = next_direction(s, gradient);
    s.prev_flat_grad = gradient.clone();
    s.prev_loss = loss;
    s.t = o.lr;
    if (s.n_iter == 1) {
      const TorchNumber inverse = TorchNumber(1) / TorchNumber::of(gradient.abs().sum());
      s.t = (inverse < 1.0 ? inverse : TorchNumber(1)) * o.lr;
    }
    const TorchNumber slope = number_dot(gradient, s.d);
    if (slope > -o.tolerance_change) break;

    std::int64_t more = 0;
    if (o.line_search_fn) {
      std::vector<at::Tensor> before;
      for (const at::Tensor& parameter : param_groups()[0].params()) before.push_back(parameter.clone());
      const auto along = [&](TorchNumber step) {
        move(step.value(), s.d);
        const TorchNumber value = number(evaluate());
        const at::Tensor there = flat_gradient();
        for (std::size_t i = 0; i < before.size(); ++i) param_groups()[0].params()[i].copy_(before[i]);
        return LinePoint{step, value, there, number_dot(there, s.d)};
      };
      const LinePoint best = strong_wolfe(along, {0, loss, gradient, slope}, s.t, largest(s.d), o.tolerance_change, *o.max_eval - evaluations, more);
      loss = best.value, gradient = best.gradient, s.t = best.step;
      move(s.t.value(), s.d);
      optimal = largest(gradient) <= o.tolerance_grad;
    } else {
      move(s.t.value(), s.d);
      if (iteration != o.max_iter) {  // the next step computes it anyway
        loss = number(evaluate());
        gradient = flat_gradient();
        optimal = largest(gradient) <= o.tolerance_grad;
        more = 1;
      }
    }
    evaluations += more;
    s.func_evals += more;
    if (iteration == o.max_iter || evaluations >= *o.max_eval || optimal) break;
    if (largest(s.d.mul(s.t.value())) <= o.tolerance_change) break;
    if ((loss - s.prev_loss).abs() < o.tolerance_change) break;
  }
  s.stepped = true;
  return first_loss;
}

// ---- State ---------------------------------------------------------------------------------------------------------------------

void LBFGS::write_group(std::size_t, Dict& out) const {
  const Options& o = options();
  out = Dict{{"lr", o.lr},
             {"max_iter", o.max_iter},
             {"max_eval", *o.max_eval},
             {"tolerance_grad", o.tolerance_grad},
             {"tolerance_change", o.tolerance_change},
             {"history_size", o.history_size},
             {"line_search_fn", o.line_search_fn ? Value(*o.line_search_fn) : Value()}};
}

void LBFGS::read_group(std::size_t group, const Dict& in) {
  Optimizer::read_group(group, in);
  Options& o = static_cast<GroupOptions<Options>&>(group_options(group)).values;
  read_entry(in, "max_iter", o.max_iter);
  read_entry(in, "max_eval", o.max_eval);
  read_entry(in, "tolerance_grad", o.tolerance_grad);
  read_entry(in, "tolerance_change", o.tolerance_change);
  read_entry(in, "history_size", o.history_size);
  read_entry(in, "line_search_fn", o.line_search_fn);
  o = checked(o);
}

void LBFGS::write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const {
  const auto found = state_.find(parameter.unsafeGetTensorImpl());
  if (found == state_.end()) return;
  const State& s = static_cast<const State&>(*found->second);
  const auto scalar = [&](const TorchNumber& n) { return n.is_tensor() ? Value(tensors(at::scalar_tensor(n.value(), at::dtype(n.type())))) : Value(n.value()); };
  const auto list = [](const auto& items, auto&& one) {
    List values;
    for (const auto& item : items) values.emplace_back(one(item));
    return Value::list(std::move(values));
  };
  out["func_evals"] = s.func_evals;
  out["n_iter"] = s.n_iter;
  const auto write_al = [&] {
    // A place of the list that no direction has used is None in Python.
    std::size_t used = 0;
    if (!s.al.empty()) out["al"] = list(s.al, [&](const TorchNumber& n) { return used++ < s.old_dirs.size() ? scalar(n) : Value(); });
  };
  if (!s.al_last) write_al();
  if (!s.d.defined()) return;
  out["d"] = tensors(s.d);
  out["t"] = scalar(s.t);
  out["old_dirs"] = list(s.old_dirs, tensors);
  out["old_stps"] = list(s.old_stps, tensors);
  out["ro"] = list(s.ro, scalar);
  out["H_diag"] = s.h_diag.is_tensor() ? scalar(s.h_diag) : Value(1);
  out["prev_flat_grad"] = tensors(s.prev_flat_grad);
  out["prev_loss"] = s.prev_loss.value();
  if (s.al_last) write_al();
}

void LBFGS::check_state(const at::Tensor& parameter, const Dict& in) const {
  const auto check = [&](std::string_view key, const Value& value) {
    std::int64_t elements = 0;
    for (const auto& one : param_groups()[0].params()) elements += one.numel();
    if (value.as_tensor().sizes == std::vector<std::int64_t>{elements}) return;
    throw ValueError("loaded state dict has a '" + std::string(key) + "' of another size than the parameters: " + value.repr(80) + " for " +
                     std::to_string(elements) + " elements");
  };
  if (!parameter.is_same(first())) throw ValueError("loaded state dict has state for another parameter than LBFGS's first");
  for (const char* key : {"d", "prev_flat_grad"})
    if (const Value* value = in.find(key)) check(key, *value);
  for (const char* key : {"old_dirs", "old_stps"})
    if (const Value* value = in.find(key))
      for (const Value& one : value->items()) check(key, one);
}

void LBFGS::read_state(const at::Tensor& parameter, const Dict& in) {
  State& s = state();
  const auto like = [&](const TensorRef& saved) { return to_tensor(saved).to(parameter.options().requires_grad(false)); };
  const auto scalar = [&](const Value& v) { return v.is_tensor() ? TorchNumber(v.number(), parameter.scalar_type()) : TorchNumber(v.number()); };
  const auto each = [&](const char* key, const auto& use) {
    if (const Value* value = in.find(key))
      for (const Value& one : value->items()) use(one);
  };
  read_entry(in, "func_evals", s.func_evals);
  read_entry(in, "n_iter", s.n_iter);
  each("al", [&](const Value& v) { s.al.push_back(v.is_none() ? TorchNumber() : scalar(v)); });
  if (!in.find("d")) return;
  s.stepped = true;
  for (const auto& [key, unused] : in) {
    if (key == Value("d")) break;
    s.al_last = !(key == Value("al"));
    if (!s.al_last) break;
  }
  s.d = like(in.find("d")->as_tensor());
  each("old_dirs", [&](const Value& v) { s.old_dirs.push_back(like(v.as_tensor())); });
  each("old_stps", [&](const Value& v) { s.old_stps.push_back(like(v.as_tensor())); });
  each("ro", [&](const Value& v) { s.ro.push_back(scalar(v)); });
  if (const Value* value = in.find("t")) s.t = scalar(*value);
  if (const Value* value = in.find("H_diag")) s.h_diag = scalar(*value);
  if (const Value* value = in.find("prev_loss")) s.prev_loss = scalar(*value);
  if (const Value* value = in.find("prev_flat_grad")) s.prev_flat_grad = like(value->as_tensor());
}

std::shared_ptr<LBFGS> lbfgs(std::vector<at::Tensor> params, LBFGSOptions options) {
  return std::make_shared<LBFGS>(std::move(params), options);
}

}  // namespace levin::optim
