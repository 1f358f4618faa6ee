#include "levin/framework/metrics/metric.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <optional>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/metrics/metric_state.h"

namespace levin::metrics {
namespace {

// States must never be inference tensors: the next run may add to them outside of inference mode.
struct StateMode {
  explicit StateMode(bool with_grad) {
    if (c10::InferenceMode::is_enabled()) {
      normal.emplace(false);
      with_grad = false;
    }
    grad.emplace(with_grad);
  }
  std::optional<c10::InferenceMode> normal;
  std::optional<c10::AutoGradMode> grad;
};

}  // namespace

Metric::Metric() : device_(at::kCPU) {}
Metric::~Metric() = default;

std::string Metric::name() const { return class_name(*this); }

at::Tensor Metric::as_input(double number) { return at::scalar_tensor(number, at::kFloat); }  // whatever the default type is now

void Metric::check_count(Inputs inputs, std::size_t least, std::size_t most, std::string_view names) const {
  if (inputs.size() >= least && inputs.size() <= most) return;
  throw TypeError(name() + ".update(" + std::string(names) + ") got " + std::to_string(inputs.size()) + " arguments");
}

void Metric::update(Inputs inputs) {
  run_update(inputs, /*with_grad=*/false);
}

void Metric::run_update(Inputs inputs, bool with_grad) {
  computed_.reset();
  ++update_count_;
  const StateMode mode(with_grad);
  try {
    update_state(inputs);
  } catch (const c10::Error& error) {
    if (std::string_view(error.what_without_backtrace()).find("Expected all tensors to be on") == std::string_view::npos) throw;
    throw RuntimeError("Encountered different devices in metric calculation (see stacktrace for details). This could be due to the metric "
                       "class not being on the same device as input. Instead of `metric=" + name() + "(...)` try to do `metric=" + name() +
                       "(...).to(device)` where device corresponds to the device of the input.");
  }
}

at::Tensor Metric::forward(Inputs inputs) {
  if (is_synced_)
    throw RuntimeError("The Metric shouldn't be synced when performing ``forward``. HINT: Did you forget to call ``unsync`` ?.");
  forward_cache_ = batch_value(inputs);
  return forward_cache_;
}

// Puts the states of all batches back when the batch is done, or failed.
class Metric::BatchScope {
 public:
  explicit BatchScope(Metric& metric) : metric_(metric), count_(metric.update_count_), global(metric.exchange_states(metric.defaults())) {
    metric_.in_forward_ = true;
    metric_.update_count_ = 0;
  }
  ~BatchScope() {
    metric_.exchange_states(std::move(global));
    metric_.computed_.reset();
    metric_.local_.clear();
    metric_.is_synced_ = metric_.in_forward_ = false;
    metric_.update_count_ = count_;
  }
  void count_batch() { metric_.update_count_ = ++count_; }

 private:
  Metric& metric_;
  std::int64_t count_;

 public:
  std::vector<Saved> global;
};

at::Tensor Metric::batch_value(Inputs inputs) {
  const StateMode mode(c10::GradMode::is_enabled());  // for the batch's own states too
  const bool twice = full_state_update || dist_sync_on_step;
  if (twice) run_update(inputs, /*with_grad=*/false);
  BatchScope scope(*this);
  run_update(inputs, c10::GradMode::is_enabled());
  at::Tensor value = compute();
  if (!twice) {
    scope.count_batch();
    merge_into(scope.global);
  }
  return value;
}

at::Tensor Metric::compute() {
  if (!update_called()) {
    rank_zero_warn("The ``compute`` method of metric " + name() +
                   " was called before the ``update`` method which may lead to errors, as metric states have not yet been updated.");
  }
  if (computed_.defined()) return computed_;
  const StateMode mode(c10::GradMode::is_enabled());
  const bool syncs = in_forward_ ? dist_sync_on_step : sync_on_compute;
  const bool synced_here = syncs && dist_sync_fn && !is_synced_;
  if (synced_here) sync();
  struct Unsync {
    Metric* metric;
    ~Unsync() {
      if (metric) metric->unsync();
    }
  } const unsync_after{synced_here ? this : nullptr};
  at::Tensor value = compute_value();
  // A copy: the value may be a state itself.
  if (value.defined()) value = (value.numel() == 1 ? value.squeeze() : value).clone();
  if (compute_with_cache) computed_ = value;
  return value;
}

void Metric::reset() {
  const StateMode mode(/*with_grad=*/false);
  exchange_states(defaults());
  update_count_ = 0;
  forward_cache_.reset();
  computed_.reset();
  local_.clear();
  is_synced_ = false;
  forget();
}

}  // namespace levin::metrics
