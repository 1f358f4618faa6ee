#include "levin/framework/optim/torch_optimizer.h"

#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include "levin/framework/base/class_name.h"
#include "levin/framework/optim/lbfgs.h"
#include "levin/framework/optim/optimizers.h"

namespace levin::optim {
namespace {

namespace lib = torch::optim;

// ---- What their options are among ours -----------------------------------------------------------------------------------------

template <class F>
void pair(F&& f, lib::SGDOptions& theirs, SGDOptions& ours) {
  f(theirs.lr(), ours.lr);
  f(theirs.momentum(), ours.momentum);
  f(theirs.dampening(), ours.dampening);
  f(theirs.weight_decay(), ours.weight_decay);
  f(theirs.nesterov(), ours.nesterov);
}
template <class F, class AnyAdam>
void pair(F&& f, AnyAdam& theirs, AdamOptions& ours) {
  f(theirs.lr(), ours.lr);
  f(std::get<0>(theirs.betas()), ours.betas[0]);
  f(std::get<1>(theirs.betas()), ours.betas[1]);
  f(theirs.eps(), ours.eps);
  f(theirs.weight_decay(), ours.weight_decay);
  f(theirs.amsgrad(), ours.amsgrad);
}
template <class F>
void pair(F&& f, lib::RMSpropOptions& theirs, RMSpropOptions& ours) {
  f(theirs.lr(), ours.lr);
  f(theirs.alpha(), ours.alpha);
  f(theirs.eps(), ours.eps);
  f(theirs.weight_decay(), ours.weight_decay);
  f(theirs.momentum(), ours.momentum);
  f(theirs.centered(), ours.centered);
}
template <class F>
void pair(F&& f, lib::AdagradOptions& theirs, AdagradOptions& ours) {
  f(theirs.lr(), ours.lr);
  f(theirs.lr_decay(), ours.lr_decay);
  f(theirs.weight_decay(), ours.weight_decay);
  f(theirs.initial_accumulator_value(), ours.initial_accumulator_value);
  f(theirs.eps(), ours.eps);
}
template <class F>
void pair(F&& f, lib::LBFGSOptions& theirs, LBFGSOptions& ours) {
  f(theirs.lr(), ours.lr);
  f(theirs.max_iter(), ours.max_iter);
  f(theirs.max_eval(), ours.max_eval);
  f(theirs.tolerance_grad(), ours.tolerance_grad);
  f(theirs.tolerance_change(), ours.tolerance_change);
  f(theirs.history_size(), ours.history_size);
  f(theirs.line_search_fn(), ours.line_search_fn);
}

// ---- What they keep for a parameter, by Python's names -------------------------------------------------------------------------

template <class F>
void entries(F&& f, lib::SGDParamState& s) {
  f("momentum_buffer", s.momentum_buffer());
}
template <class F, class AnyAdam>
  requires requires(AnyAdam& s) { s.max_exp_avg_sq(); }
void entries(F&& f, AnyAdam& s) {
  f("step", s.step());
  f("exp_avg", s.exp_avg());
  f("exp_avg_sq", s.exp_avg_sq());
  f("max_exp_avg_sq", s.max_exp_avg_sq());
}
template <class F>
void entries(F&& f, lib::RMSpropParamState& s) {
  f("step", s.step());
  f("square_avg", s.square_avg());
  f("momentum_buffer", s.momentum_buffer());
  f("grad_avg", s.grad_avg());
}
template <class F>
void entries(F&& f, lib::AdagradParamState& s) {
  f("step", s.step());
  f("sum", s.sum());
}
template <class F>
void entries(F&& f, lib::LBFGSParamState& s) {
  f("func_evals", s.func_evals());
  f("n_iter", s.n_iter());
  f("d", s.d());
  f("t", s.t());
  f("old_dirs", s.old_dirs());
  f("old_stps", s.old_stps());
  f("ro", s.ro());
  f("H_diag", s.H_diag());
  f("prev_flat_grad", s.prev_flat_grad());
  f("prev_loss", s.prev_loss());
  f("al", s.al());
}

/// Writes entries; what is not there yet is left out.
struct Writer {
  TensorExporter& tensors;
  Dict& out;
  void operator()(std::string_view key, const at::Tensor& tensor) const {
    if (tensor.defined()) out[key] = tensors(tensor);
  }
  void operator()(std::string_view key, std::int64_t number) const {
    if (key == "step") out[key] = Value::scalar_tensor(static_cast<double>(number));
    else out[key] = number;
  }
  void operator()(std::string_view key, double number) const { out[key] = number; }
  template <class Tensors>
  void operator()(std::string_view key, const Tensors& list) const {
    if constexpr (requires { list.has_value(); }) {
      if (list) (*this)(key, *list);
    } else {
      Value values = Value::list();
      for (const at::Tensor& tensor : list) values.push_back(tensor.defined() ? tensors(tensor) : Value());
      out[key] = std::move(values);
    }
  }
};

/// Reads them. Tensors of a parameter's size take its type and layout, the others its type.
struct Reader {
  const at::Tensor& parameter;
  const Dict& in;

  at::Tensor tensor(const Value& value) const {
    if (value.is_none()) return {};
    const at::Tensor saved = value.is_tensor() ? to_tensor(value.as_tensor(), true) : to_tensor(Value::scalar_tensor(value.number()).as_tensor(), true);
    const auto options = parameter.options().requires_grad(false);
    if (saved.sizes() != parameter.sizes()) return saved.to(options);
    return at::empty_like(parameter, options).copy_(saved);
  }
  void operator()(std::string_view key, at::Tensor& out) const {
    if (const Value* value = in.find(key)) out = tensor(*value);
  }
  void operator()(std::string_view key, std::int64_t& out) const {
    if (const Value* value = in.find(key)) out = static_cast<std::int64_t>(value->number());
  }
  void operator()(std::string_view key, double& out) const {
    if (const Value* value = in.find(key)) out = value->number();
  }
  template <class Tensors>
  void operator()(std::string_view key, Tensors& list) const {
    const Value* values = in.find(key);
    if (!values || values->is_none()) return;
    if constexpr (requires { list.emplace(); }) {
      (*this)(key, list.emplace());
    } else {
      list.clear();
      for (const Value& value : values->items()) list.push_back(tensor(value));
    }
  }
};

// ---- The adapter ---------------------------------------------------------------------------------------------------------------

/// A group's rate is that of the other optimizer's group.
struct ForwardedRate final : lib::OptimizerOptions {
  ForwardedRate(lib::Optimizer* given, std::size_t index) : optimizer(given), group(index) {}
  lib::OptimizerOptions& target() const {
    auto& groups = optimizer->param_groups();
    return group < groups.size() ? groups[group].options() : optimizer->defaults();
  }
  std::unique_ptr<lib::OptimizerOptions> clone() const override { return std::make_unique<ForwardedRate>(optimizer, group); }
  double get_lr() const override { return target().get_lr(); }
  void set_lr(double lr) override { target().set_lr(lr); }
  lib::Optimizer* optimizer;
  std::size_t group;
};

template <class Options, class State, class Ours>
class Adapted final : public Optimizer {
 public:
  Adapted(std::shared_ptr<lib::Optimizer> optimizer, const char* name, Ours unpaired)
      : Optimizer(std::vector<lib::OptimizerParamGroup>{}, std::make_unique<ForwardedRate>(optimizer.get(), std::size_t(-1))),
        torch_(std::move(optimizer)), name_(name), unpaired_(std::move(unpaired)) {
    for (const auto& group : torch_->param_groups()) param_groups_.emplace_back(group.params());
    synchronize();
  }

  const char* class_name() const override { return name_; }
  at::Tensor step(LossClosure closure) override { return torch_->step(std::move(closure)); }

  std::optional<double> momentum(std::size_t group) const override {
    if constexpr (requires(Ours o) { o.momentum; }) return ours(group).momentum;
    else return std::nullopt;
  }
  std::optional<std::array<double, 2>> betas(std::size_t group) const override {
    if constexpr (requires(Ours o) { o.betas; }) return ours(group).betas;
    else return std::nullopt;
  }
  void set_momentum(std::size_t group, double momentum) override {
    if constexpr (requires(Ours o) { o.momentum; }) change(group, [&](Ours& o) { o.momentum = momentum; });
    else Optimizer::set_momentum(group, momentum);
  }
  void set_betas(std::size_t group, std::array<double, 2> betas) override {
    if constexpr (requires(Ours o) { o.betas; }) change(group, [&](Ours& o) { o.betas = betas; });
    else Optimizer::set_betas(group, betas);
  }

 protected:
  void write_group(std::size_t group, Dict& out) const override {
    const_cast<Adapted*>(this)->synchronize();
    out = write_fields(ours(group)).as_dict();
    if (Value* betas = out.find("betas")) *betas = Value::tuple(betas->items());
  }
  void read_group(std::size_t group, const Dict& in) override {
    synchronize();
    Optimizer::read_group(group, in);
    change(group, [&](Ours& o) { read_entries(in, o); });
  }
  void write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const override {
    const auto found = torch_->state().find(parameter.unsafeGetTensorImpl());
    if (found != torch_->state().end()) entries(Writer{tensors, out}, static_cast<State&>(*found->second));
  }
  void read_state(const at::Tensor& parameter, const Dict& in) override {
    auto state = std::make_unique<State>();
    entries(Reader{parameter, in}, *state);
    torch_->state()[parameter.unsafeGetTensorImpl()] = std::move(state);
  }
  void groups_changed() override { synchronize(); }

 private:
  Options& theirs(std::size_t group) const { return static_cast<Options&>(torch_->param_groups()[group].options()); }
  Ours ours(std::size_t group) const {
    Ours out = unpaired_;
    pair([](auto& from, auto& to) { to = from; }, theirs(group), out);
    return out;
  }
  template <class Change>
  void change(std::size_t group, Change action) {
    Ours changed = ours(group);
    action(changed);
    pair([](auto& to, auto& from) { to = from; }, theirs(group), changed);
  }
  /// Gives the other optimizer the groups of this one.
  void synchronize() {
    auto& groups = torch_->param_groups();
    while (groups.size() > param_groups_.size()) groups.pop_back();
    for (std::size_t i = 0; i < param_groups_.size(); ++i) {
      if (i == groups.size()) groups.emplace_back(param_groups_[i].params(), torch_->defaults().clone());
      else groups[i].params() = param_groups_[i].params();
      param_groups_[i].set_options(std::make_unique<ForwardedRate>(torch_.get(), i));
    }
  }

  std::shared_ptr<lib::Optimizer> torch_;
  const char* name_;
  Ours unpaired_;  // what they have no option for
};

template <class Options, class State, class Torch, class Ours>
bool try_one(const std::shared_ptr<lib::Optimizer>& optimizer, const char* name, Ours unpaired, std::shared_ptr<Optimizer>& out) {
  if (!dynamic_cast<Torch*>(optimizer.get())) return false;
  out = std::make_shared<Adapted<Options, State, Ours>>(optimizer, name, unpaired);
  return true;
}

}  // namespace

std::shared_ptr<Optimizer> adapt(std::shared_ptr<torch::optim::Optimizer> optimizer) {
  if (!optimizer) throw TypeError("there is no optimizer to adapt");
  if (auto ours = std::dynamic_pointer_cast<Optimizer>(optimizer)) return ours;
  std::shared_ptr<Optimizer> out;
  if (try_one<lib::SGDOptions, lib::SGDParamState, lib::SGD>(optimizer, "SGD", SGDOptions{}, out) ||
      try_one<lib::AdamOptions, lib::AdamParamState, lib::Adam>(optimizer, "Adam", AdamOptions{}, out) ||
      try_one<lib::AdamWOptions, lib::AdamWParamState, lib::AdamW>(optimizer, "AdamW", AdamOptions{.decoupled_weight_decay = true}, out) ||
      try_one<lib::RMSpropOptions, lib::RMSpropParamState, lib::RMSprop>(optimizer, "RMSprop", RMSpropOptions{}, out) ||
      try_one<lib::AdagradOptions, lib::AdagradParamState, lib::Adagrad>(optimizer, "Adagrad", AdagradOptions{}, out) ||
      try_one<lib::LBFGSOptions, lib::LBFGSParamState, lib::LBFGS>(optimizer, "LBFGS", LBFGSOptions{}, out)) {
    return out;
  }
  const torch::optim::Optimizer& unknown = *optimizer;
  throw TypeError(class_name(typeid(unknown)) + " is an optimizer whose state levin can't save. Derive it from levin::optim::Optimizer and " +
                  "implement class_name, step, write_group, read_group, write_state and read_state; torch::optim's Adagrad, Adam, AdamW, " +
                  "LBFGS, RMSprop and SGD need nothing");
}

}  // namespace levin::optim
