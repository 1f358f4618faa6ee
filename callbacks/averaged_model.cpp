#include "levin/callbacks/averaged_model.h"

#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/GradMode.h>

#include <unordered_map>

#include "levin/framework/base/errors.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/tensors/tensors.h"

namespace levin {

at::Tensor swa_avg_fn(const at::Tensor& averaged, const at::Tensor& current, std::int64_t num_averaged) {
  // A tensor as divisor, as in torch: the last bit depends on it.
  const at::Tensor count = at::scalar_tensor(num_averaged + 1, at::TensorOptions().dtype(at::kLong).device(averaged.device()));
  return averaged + (current - averaged) / count;
}

AvgFn ema_avg_fn(double decay) {
  if (!(decay >= 0 && decay <= 1))
    throw ValueError("Invalid decay value " + Value(decay).repr() + " provided. Please provide a value in [0,1] range.");
  return [decay](const at::Tensor& averaged, const at::Tensor& current, std::int64_t) { return averaged * decay + current * (1 - decay); };
}

void check_avg_fns(const AvgFn& avg_fn, const MultiAvgFn& multi_avg_fn) {
  if (avg_fn && multi_avg_fn) throw ValueError("Only one of avg_fn and multi_avg_fn should be provided");
}

AveragedModel::AveragedModel(const LightningModule& module, std::optional<at::Device> device, AvgFn avg_fn, MultiAvgFn multi_avg_fn,
                             bool use_buffers)
    : avg_fn_(std::move(avg_fn)), multi_avg_fn_(std::move(multi_avg_fn)), use_buffers_(use_buffers) {
  check_avg_fns(avg_fn_, multi_avg_fn_);
  alike_ = !avg_fn_ && !multi_avg_fn_;
  std::unordered_map<const void*, std::size_t> known;
  const auto add = [&](const auto& items) {
    for (const auto& item : items) {
      if (!item.value().defined()) continue;
      const auto [place, is_new] = known.try_emplace(item.value().unsafeGetTensorImpl(), current_.size());
      index_[item.key()] = place->second;
      if (!is_new) continue;
      current_.push_back(item.value());
      average_.push_back(item.value().detach().clone());
      if (device) average_.back() = average_.back().to(*device);
    }
  };
  add(module.named_parameters());
  parameters_ = current_.size();
  add(module.named_buffers());
}

void AveragedModel::update_parameters(bool with_buffers) {
  const c10::AutoGradMode no_grad(false);
  const std::size_t averaged = use_buffers_ && with_buffers ? current_.size() : parameters_;
  if (n_averaged_ == 0) copy(0, averaged);
  else update(0, averaged);
  if (with_buffers) copy(averaged, current_.size());
  ++n_averaged_;
}

void AveragedModel::copy(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) average_[i].copy_(current_[i]);
}

void AveragedModel::update(std::size_t begin, std::size_t end) {
  // Kernels for many tensors at once pay on devices; torch takes them there too.
  std::map<std::pair<c10::DeviceType, at::ScalarType>, std::pair<std::vector<at::Tensor>, std::vector<at::Tensor>>> together;
  for (std::size_t i = begin; i < end; ++i) {
    // The average is of the type that the module was made in, which may be wider than the run's.
    const at::Tensor current = current_[i].detach().to(average_[i].device(), average_[i].scalar_type());
    if (multi_avg_fn_ || (alike_ && !average_[i].is_cpu() && average_[i].is_floating_point())) {
      auto& [averages, values] = together[{average_[i].device().type(), average_[i].scalar_type()}];
      averages.push_back(average_[i]);
      values.push_back(current);
    } else {
      average_[i].copy_(alike_ ? swa_avg_fn(average_[i], current, n_averaged_) : avg_fn_(average_[i], current, n_averaged_));
    }
  }
  for (auto& [kind, tensors] : together) {
    if (multi_avg_fn_) multi_avg_fn_(tensors.first, tensors.second, n_averaged_);
    else at::_foreach_lerp_(tensors.first, tensors.second, at::Scalar(1.0 / static_cast<double>(n_averaged_ + 1)));
  }
}

void AveragedModel::swap() {
  const c10::AutoGradMode no_grad(false);
  for (std::size_t i = 0; i < current_.size(); ++i) {
    const at::Tensor average = average_[i].clone();
    average_[i].copy_(current_[i]);
    current_[i].copy_(average);
  }
}

void AveragedModel::copy_to_module(std::size_t count) const {
  const c10::AutoGradMode no_grad(false);
  for (std::size_t i = 0; i < count; ++i) at::Tensor(current_[i]).copy_(average_[i]);
}

Value AveragedModel::module_state(const Value& state_dict) const {
  Value state = state_dict.clone();
  TensorExporter exporter;
  for (auto& [key, value] : state.as_dict())
    if (const auto found = index_.find(key.as_string()); found != index_.end()) value = exporter(average_[found->second]);
  return state;
}

void AveragedModel::load_module_state(const Value& state, bool strict) {
  const c10::AutoGradMode no_grad(false);
  TensorImporter importer;
  std::string missing, unexpected;
  const auto add = [](std::string& list, const std::string& name) { list += (list.empty() ? "\"" : ", \"") + name + "\""; };
  for (const auto& [name, place] : index_) {
    const Value* saved = state.find(name);
    if (saved) average_[place].copy_(importer(saved->as_tensor()));
    else add(missing, "module." + name);
  }
  for (const auto& [key, unused] : state.as_dict())
    if (!index_.contains(key.as_string())) add(unexpected, "module." + key.as_string());
  if (!strict || (missing.empty() && unexpected.empty())) return;
  throw RuntimeError("Error(s) in loading state_dict for AveragedModel:" + (missing.empty() ? "" : "\n\tMissing key(s) in state_dict: " + missing + ". ") +
                     (unexpected.empty() ? "" : "\n\tUnexpected key(s) in state_dict: " + unexpected + ". "));
}

Value AveragedModel::averaging_state() const {
  return Dict{{"n_averaged", Value::scalar_tensor(static_cast<double>(n_averaged_), DType::int64)}};
}

void AveragedModel::load_averaging_state(const Value& state) { n_averaged_ = static_cast<std::int64_t>(state.at("n_averaged").number()); }

}  // namespace levin
