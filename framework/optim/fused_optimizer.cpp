#include "levin/framework/optim/fused_optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <c10/core/GradMode.h>

// OpenMP's own functions, from whichever runtime LibTorch brought; linking one here could be a second one.
extern "C" {
[[gnu::weak]] void omp_set_num_threads(int count);
[[gnu::weak]] int omp_get_max_threads();
}

namespace levin::optim {
namespace {

/// The CPU kernels wake all threads for each parameter, however small, which costs many times the update of a bias. While this
/// lives, kernels called from this thread run in it alone.
class OneThread {
 public:
  explicit OneThread(bool wanted) : before_(wanted && omp_set_num_threads && omp_get_max_threads ? omp_get_max_threads() : 0) {
    if (before_ > 0) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ > 0) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

bool is_small(const at::Tensor& parameter) { return parameter.is_cpu() && parameter.numel() <= 16384; }

/// The columns of one parameter, in LibTorch's map of states; undefined where there is none yet.
struct FusedState final : torch::optim::OptimizerParamState {
  std::vector<at::Tensor> columns;
};

void* key(const at::Tensor& parameter) { return parameter.unsafeGetTensorImpl(); }

bool lies_as(const at::Tensor& one, const at::Tensor& other) {
  return one.strides() == other.strides() && one.scalar_type() == other.scalar_type() && one.device() == other.device();
}

// The kernels walk memory, so a gradient must lie as its parameter does; autograd's own nearly always do.
at::Tensor as_laid_out(const at::Tensor& gradient, const at::Tensor& parameter) {
  if (gradient.layout() != at::kStrided)
    throw RuntimeError("the fused optimizers do not support sparse gradients; make the embedding's gradient dense");
  if (lies_as(gradient, parameter)) return gradient;
  at::Tensor copy = at::empty_like(parameter, parameter.options().requires_grad(false));
  return copy.copy_(gradient);
}

void count_step(std::vector<at::Tensor>& steps) {
  if (steps.front().is_cpu()) {
    for (at::Tensor& step : steps) *step.mutable_data_ptr<float>() += 1;  // an operator per counter would cost more than all
  } else {
    at::_foreach_add_(steps, 1);
  }
}

std::optional<at::Tensor> beside(const at::Tensor& scalar, const at::Tensor& parameter) {
  if (!scalar.defined()) return std::nullopt;
  return scalar.device() == parameter.device() ? scalar : scalar.to(parameter.device(), /*non_blocking=*/true);
}

}  // namespace

void require_betas(const std::array<double, 2>& betas) {
  require(betas[0] >= 0 && betas[0] < 1, "Invalid beta parameter at index 0: ", betas[0]);
  require(betas[1] >= 0 && betas[1] < 1, "Invalid beta parameter at index 1: ", betas[1]);
}

bool FusedBucket::fits(const at::Tensor& parameter) const {
  const at::Tensor& first = parameters.front();
  return first.device() == parameter.device() && first.scalar_type() == parameter.scalar_type() && small == is_small(parameter);
}

FusedOptimizer::FusedOptimizer(const std::vector<torch::optim::OptimizerParamGroup>& groups,
                               std::unique_ptr<torch::optim::OptimizerOptions> defaults, std::vector<StateColumn> columns)
    : Optimizer(groups, std::move(defaults)), columns_(std::move(columns)) {}

FusedOptimizer::~FusedOptimizer() = default;

// ---- A step --------------------------------------------------------------------------------------------------------------------

at::Tensor FusedOptimizer::step(LossClosure closure) {
  at::Tensor loss;
  if (closure) {
    const c10::AutoGradMode with_grad(true);
    loss = closure();
  }
  const c10::AutoGradMode no_grad(false);
  const at::Tensor& found_inf = amp_scaling().found_inf;
  if (found_inf.defined() && found_inf.is_cpu() && *found_inf.const_data_ptr<float>() != 0) return loss;
  plans_.resize(param_groups_.size());
  for (std::size_t group = 0; group < param_groups_.size(); ++group) {
    Plan& plan = plans_[group];
    if (!plan.built || plan.columns != columns_in_use(group) || !take_gradients(group, plan)) {
      build(group, plan);
      take_gradients(group, plan);
    }
    bool fresh = false;
    for (FusedBucket& bucket : plan.buckets) {
      run(group, bucket);
      fresh = fresh || bucket.fresh;
    }
    if (fresh) plan = Plan{};  // the next step merges what was fresh with the rest
  }
  return loss;
}

void FusedOptimizer::run(std::size_t group, FusedBucket& bucket) {
  const at::Tensor& first = bucket.parameters.front();
  if (tensor_lr_) refresh_lr(group, bucket);
  const StepInputs inputs{lr(group), bucket.lr, beside(amp_scaling().grad_scale, first), beside(amp_scaling().found_inf, first)};
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto& steps = bucket.state[i];
    if (columns_[i].kind == StateColumn::Kind::step && !steps.empty()) count_step(steps);
  }
  {
    const OneThread one_thread(bucket.small);
    update(group, bucket, inputs);
  }
  if (inputs.found_inf && !first.is_cpu()) {  // a step that changed nothing does not count
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      auto& steps = bucket.state[i];
      if (columns_[i].kind == StateColumn::Kind::step && !steps.empty())
        at::_foreach_sub_(steps, std::vector<at::Tensor>(steps.size(), *inputs.found_inf));
    }
  }
  bucket.gradients.clear();  // a gradient kept here would hold its memory after zero_grad
}

void FusedOptimizer::use_tensor_lr(bool on) {
  if (on && !takes_tensor_lr()) throw ValueError(std::string(class_name()) + " can't read its learning rate from a tensor");
  tensor_lr_ = on;
  plans_.clear();
}

void FusedOptimizer::refresh_lr(std::size_t group, FusedBucket& bucket) const {
  const double rate = lr(group);
  if (!bucket.lr.defined()) bucket.lr = at::full({}, rate, bucket.parameters.front().options().dtype(at::kFloat).requires_grad(false));
  else if (bucket.lr_value != rate) bucket.lr.fill_(rate);
  bucket.lr_value = rate;
}

void FusedOptimizer::refresh_lr() {
  if (!tensor_lr_) return;
  for (std::size_t group = 0; group < plans_.size(); ++group)
    for (FusedBucket& bucket : plans_[group].buckets) refresh_lr(group, bucket);
}

// ---- Lists of tensors ----------------------------------------------------------------------------------------------------------

std::uint32_t FusedOptimizer::columns_in_use(std::size_t group) const {
  std::uint32_t used = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (uses(group, i)) used |= 1U << i;
  return used;
}

bool FusedOptimizer::take_gradients(std::size_t group, Plan& plan) const {
  for (FusedBucket& bucket : plan.buckets) bucket.gradients.clear();
  std::size_t next = 0;
  for (const at::Tensor& parameter : param_groups_[group].params()) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (next == plan.slots.size() || !plan.slots[next].parameter.is_same(parameter)) return false;
    const Slot& slot = plan.slots[next++];
    FusedBucket& bucket = plan.buckets[slot.bucket];
    // A module that moved, changed its type or its memory format keeps its tensors and swaps their contents.
    if (!bucket.fits(parameter) || (!slot.strides.empty() && parameter.strides() != at::IntArrayRef(slot.strides))) return false;
    bucket.gradients.push_back(as_laid_out(gradient, parameter));
  }
  return next == plan.slots.size();
}

at::Device FusedOptimizer::device_of(std::size_t group, std::size_t column, const at::Tensor& parameter) const {
  const bool beside_it = columns_[column].kind == StateColumn::Kind::like_parameter || steps_on_device(group);
  return beside_it ? parameter.device() : at::Device(at::kCPU);
}

at::Tensor FusedOptimizer::new_column(std::size_t group, std::size_t column, const at::Tensor& parameter) const {
  const auto options = parameter.options().requires_grad(false);
  const double value = initial_value(group, column);
  if (columns_[column].kind == StateColumn::Kind::like_parameter) return at::full_like(parameter, value, options);
  return at::full({}, value, options.dtype(at::kFloat).device(device_of(group, column, parameter)));
}

std::vector<at::Tensor>& FusedOptimizer::ready_state(std::size_t group, const at::Tensor& parameter, std::uint32_t used, bool& fresh) {
  auto& entry = state_[key(parameter)];
  if (!entry) entry = std::make_unique<FusedState>();
  auto& columns = static_cast<FusedState&>(*entry).columns;
  columns.resize(columns_.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!(used >> i & 1U)) continue;
    if (!columns[i].defined()) {
      columns[i] = new_column(group, i, parameter);
      fresh = true;
    } else if (columns_[i].kind != StateColumn::Kind::like_parameter) {
      columns[i] = columns[i].to(device_of(group, i, parameter));  // loaded, or its module has moved
    } else if (!lies_as(columns[i], parameter)) {
      columns[i] = at::empty_like(parameter, parameter.options().requires_grad(false)).copy_(columns[i]);
    }
  }
  return columns;
}

void FusedOptimizer::make_state() {
  for (std::size_t group = 0; group < param_groups_.size(); ++group) {
    const std::uint32_t used = columns_in_use(group);
    bool fresh = false;
    for (const at::Tensor& parameter : param_groups_[group].params()) ready_state(group, parameter, used, fresh);
  }
}

void FusedOptimizer::build(std::size_t group, Plan& plan) {
  plan = Plan{};
  ++layout_;
  plan.built = true;
  plan.columns = columns_in_use(group);
  for (const at::Tensor& parameter : param_groups_[group].params()) {
    if (!parameter.grad().defined()) continue;
    if (!parameter.is_non_overlapping_and_dense())
      throw RuntimeError("a parameter with gaps in its memory can't be updated; make it contiguous");
    bool fresh = false;
    const auto& columns = ready_state(group, parameter, plan.columns, fresh);
    std::size_t place = 0;
    while (place < plan.buckets.size() && (plan.buckets[place].fresh != fresh || !plan.buckets[place].fits(parameter))) ++place;
    if (place == plan.buckets.size()) {
      FusedBucket& added = plan.buckets.emplace_back();
      added.fresh = fresh;
      added.small = is_small(parameter);
      added.state.resize(columns_.size());
    }
    FusedBucket& bucket = plan.buckets[place];
    bucket.parameters.push_back(parameter);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (plan.columns >> i & 1U) bucket.state[i].push_back(columns[i]);
    plan.slots.push_back({parameter, place, parameter.dim() > 3 ? parameter.strides().vec() : std::vector<std::int64_t>()});
  }
}

// ---- State ---------------------------------------------------------------------------------------------------------------------

void FusedOptimizer::write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const {
  const auto found = state_.find(key(parameter));
  if (found == state_.end()) return;
  const auto& columns = static_cast<const FusedState&>(*found->second).columns;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].defined()) out[columns_[i].name] = tensors(columns[i]);
}

void FusedOptimizer::check_state(const at::Tensor& parameter, const Dict& in) const {
  for (const StateColumn& column : columns_) {
    const Value* value = in.find(column.name);
    if (!value || value->is_none()) continue;
    if (column.kind != StateColumn::Kind::like_parameter) {
      value->number();  // throws a TypeError
    } else if (at::IntArrayRef(value->as_tensor().sizes) != parameter.sizes()) {
      throw ValueError("loaded state dict has a '" + std::string(column.name) + "' of another size than its parameter: " +
                       value->repr(80) + " for " + Value(to_tensor_ref(parameter)).repr(80));
    }
  }
}

void FusedOptimizer::read_state(const at::Tensor& parameter, const Dict& in) {
  auto state = std::make_unique<FusedState>();
  for (const StateColumn& column : columns_) {
    at::Tensor& out = state->columns.emplace_back();
    const Value* value = in.find(column.name);
    if (!value || value->is_none()) continue;
    // A number's device follows from options that may not be loaded yet; the next step puts it there.
    const bool like_parameter = column.kind == StateColumn::Kind::like_parameter;
    out = like_parameter ? state_like(parameter, value->as_tensor()) : at::full({}, value->number(), at::kFloat);
  }
  state_[key(parameter)] = std::move(state);
}

}  // namespace levin::optim
