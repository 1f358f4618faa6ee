// What a metric does with its states: defaults, merging of batches and ranks, saving.
#include "levin/framework/metrics/metric_state.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/gather.h"
#include "levin/framework/tensors/tensors.h"

namespace levin::metrics {
namespace {

using Kind = DistReduceFx::Kind;

at::Tensor reduced(const DistReduceFx& fx, const at::Tensor& stacked) {
  switch (fx.kind) {
    case Kind::none: return stacked;
    case Kind::sum: return stacked.sum(0);
    case Kind::mean: return stacked.mean(0);
    case Kind::min: return std::get<0>(stacked.min(0));
    case Kind::max: return std::get<0>(stacked.max(0));
    case Kind::cat: return stacked.flatten(0, std::min<std::int64_t>(1, stacked.dim() - 1));
    case Kind::custom: return fx.function(stacked);
  }
  return {};
}

// The state of all batches so far and that of one more, as one.
at::Tensor merged(const DistReduceFx& fx, const at::Tensor& global, const at::Tensor& batch, std::int64_t batches) {
  switch (fx.kind) {
    case Kind::sum: return global + batch;
    case Kind::mean: return ((batches - 1) * global + batch).to(at::kFloat) / batches;
    case Kind::min: return at::minimum(global, batch);
    case Kind::max: return at::maximum(global, batch);
    case Kind::cat: return at::cat({global, batch});
    default: return reduced(fx, at::stack({global, batch}));
  }
}

// Each item of each rank by itself: all first ones, then all second ones. A rank that has fewer sends `nothing` in their place.
std::vector<at::Tensor> gather_items(const std::vector<at::Tensor>& items, const at::Tensor& nothing, const AllGather& all_gather) {
  std::vector<std::int64_t> counts;
  const auto mine = static_cast<std::int64_t>(items.size());
  for (const at::Tensor& count : all_gather(at::full({1}, mine, nothing.options().dtype(at::kLong)))) counts.push_back(count.item<std::int64_t>());
  std::vector<at::Tensor> out;
  for (std::int64_t i = 0; i < *std::max_element(counts.begin(), counts.end()); ++i) {
    const auto of_ranks = gather_all_tensors(i < mine ? items[static_cast<std::size_t>(i)] : nothing, all_gather);
    for (std::size_t rank = 0; rank < counts.size(); ++rank)
      if (i < counts[rank]) out.push_back(of_ranks[rank]);
  }
  return out;
}

}  // namespace

DistReduceFx::DistReduceFx(const char* given) {
  constexpr std::pair<std::string_view, Kind> names[] = {
      {"sum", Kind::sum}, {"mean", Kind::mean}, {"cat", Kind::cat}, {"min", Kind::min}, {"max", Kind::max}};
  for (const auto& [name, of_name] : names)
    if (name == given) kind = of_name;
  if (kind == Kind::none)
    throw ValueError("`dist_reduce_fx` must be callable or one of ['mean', 'sum', 'cat', 'min', 'max', None], got '" + std::string(given) + "'");
}

void Metric::add_state(std::string name, at::Tensor& member, at::Tensor default_value, DistReduceFx fx, bool persistent) {
  if (!default_value.defined())
    throw ValueError("state variable must be a tensor or any empty list (where you can append tensors)");
  default_value = default_value.detach().contiguous();
  member = default_value.clone();
  states_.push_back({std::move(name), &member, nullptr, std::move(default_value), std::move(fx), persistent});
}

void Metric::add_state(std::string name, std::vector<at::Tensor>& member, DistReduceFx fx, bool persistent) {
  states_.push_back({std::move(name), nullptr, &member, {}, std::move(fx), persistent});
}

std::vector<std::string> Metric::state_names() const {
  std::vector<std::string> out;
  for (const State& state : states_) out.push_back(state.name);
  return out;
}

at::Tensor Metric::dim_zero_cat(const std::vector<at::Tensor>& list) {
  if (list.empty()) throw ValueError("No samples to concatenate");
  std::vector<at::Tensor> items;
  for (const at::Tensor& item : list) items.push_back(item.dim() == 0 ? item.unsqueeze(0) : item);
  return items.size() == 1 ? items[0] : at::cat(items);
}

std::vector<Metric::Saved> Metric::defaults() const {
  std::vector<Saved> out;
  out.reserve(states_.size());
  for (const State& state : states_) out.push_back({state.tensor ? state.default_value.clone() : at::Tensor(), {}});
  return out;
}

std::vector<Metric::Saved> Metric::exchange_states(std::vector<Saved> states) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].tensor) std::swap(*states_[i].tensor, states[i].tensor);
    else std::swap(*states_[i].list, states[i].list);
  }
  return states;
}

// Adds this batch's states to those of all batches.
void Metric::merge_into(std::vector<Saved>& global) {
  const c10::AutoGradMode no_grad(false);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].tensor) {
      global[i].tensor = merged(states_[i].reduce, global[i].tensor, states_[i].tensor->detach(), update_count_);
    } else {
      for (const at::Tensor& item : *states_[i].list) global[i].list.push_back(item.detach());
    }
  }
}

void Metric::sync() {
  if (is_synced_) throw RuntimeError("The Metric has already been synced.");
  if (!dist_sync_fn) return;
  const c10::AutoGradMode no_grad(false);
  std::vector<Saved> own(states_.size());
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].tensor) own[i].tensor = *states_[i].tensor;
    else own[i].list = *states_[i].list;
  }
  gather_states();
  local_ = std::move(own);
  is_synced_ = true;
}

void Metric::gather_states() {
  for (State& state : states_) {
    if (state.tensor) {
      *state.tensor = reduced(state.reduce, at::stack(gather_all_tensors(*state.tensor, dist_sync_fn)));
      continue;
    }
    const at::Tensor nothing = at::empty({0}, at::TensorOptions().device(device_));
    if (state.reduce.kind == Kind::cat) {  // one collective for the list, on every rank, also where no batch came
      *state.list = gather_all_tensors(state.list->empty() ? nothing : dim_zero_cat(*state.list), dist_sync_fn);
    } else {
      *state.list = gather_items(*state.list, nothing, dist_sync_fn);
    }
  }
}

void Metric::unsync() {
  if (!is_synced_) throw RuntimeError("The Metric has already been un-synced.");
  exchange_states(std::exchange(local_, {}));
  is_synced_ = false;
}

void Metric::to(at::Device device) {
  const auto move = [device](at::Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.to(device);
  };
  for (State& state : states_) {
    move(state.default_value);
    if (state.tensor) move(*state.tensor);
    else for (at::Tensor& item : *state.list) move(item);
  }
  move(computed_);
  move(forward_cache_);
  device_ = device;
}

void Metric::persistent(bool mode) {
  for (State& state : states_) state.persistent = mode;
}

void Metric::share_states_of(const Metric& other) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].tensor) *states_[i].tensor = *other.states_[i].tensor;
    else *states_[i].list = *other.states_[i].list;
  }
  computed_.reset();
  update_count_ = other.update_count_;
}

namespace {

Value exported(TensorExporter& exporter, const at::Tensor* tensor, const std::vector<at::Tensor>* list) {
  if (tensor) return exporter(tensor->detach());
  Value out = Value::list();
  for (const at::Tensor& item : *list) out.push_back(exporter(item.detach()));
  return out;
}

}  // namespace

Value Metric::state_dict() const {
  TensorExporter exporter;
  Value out = Value::ordered_dict();
  for (const State& state : states_)
    if (state.persistent) out[state.name] = exported(exporter, state.tensor, state.list);
  return out;
}

void Metric::put(State& state, const Value& value) {
  TensorImporter importer(/*copy=*/true);
  const c10::AutoGradMode no_grad(false);
  if (state.tensor) {
    *state.tensor = importer(value.as_tensor()).to(device_);
    return;
  }
  state.list->clear();
  for (const Value& item : value.items()) state.list->push_back(importer(item.as_tensor()).to(device_));
}

void Metric::load_state_dict(const Value& saved) {
  computed_.reset();
  for (State& state : states_)
    if (const Value* value = saved.find(state.name)) put(state, *value);
}

Value Metric::resume_state() const {
  TensorExporter exporter;
  Value states = Value::dict();
  for (const State& state : states_) {
    // A list of a thousand batches would be a thousand records in the file; joined it means the same.
    if (state.list && state.list->size() > 1 && state.reduce.kind == Kind::cat) {
      const std::vector<at::Tensor> joined{dim_zero_cat(*state.list)};
      states[state.name] = exported(exporter, nullptr, &joined);
    } else {
      states[state.name] = exported(exporter, state.tensor, state.list);
    }
  }
  return Dict{{"update_count", update_count_}, {"states", states},
              {"forward_cache", forward_cache_.defined() ? Value(exporter(forward_cache_.detach())) : Value()}};
}

void Metric::load_resume_state(const Value& saved) {
  load_state_dict(saved.at("states"));
  update_count_ = saved.at("update_count").as_int();
  const Value& cache = saved.at("forward_cache");
  forward_cache_ = cache.is_tensor() ? to_tensor(cache.as_tensor()).to(device_) : at::Tensor();
}

}  // namespace levin::metrics
