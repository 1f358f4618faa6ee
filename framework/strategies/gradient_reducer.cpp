#include "levin/framework/strategies/gradient_reducer.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <limits>
#include <unordered_map>

#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/comm_hooks.h"
#include "levin/framework/strategies/process_group.h"

namespace levin {
namespace {

// Between the loss and backward. Its own backward brings the stop flag on its way and, the first time with a static graph, puts the
// reduction off until all gradients are there.
struct Sink : torch::autograd::Function<Sink> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& loss, const at::Tensor&, bool stop, std::int64_t delayed) {
    context->saved_data["stop"] = stop;
    context->saved_data["delayed"] = delayed;
    return loss.view_as(loss);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    if (const std::int64_t delayed = context->saved_data["delayed"].toInt()) {
      auto* reducer = reinterpret_cast<c10d::Reducer*>(delayed);
      torch::autograd::Engine::get_default_engine().queue_callback([reducer] { reducer->delay_all_reduce(); });
    }
    const at::Tensor flag = at::full({}, context->saved_data["stop"].toBool() ? 1.0 : 0.0, gradients[0].options());
    return {gradients[0], flag, at::Tensor(), at::Tensor()};
  }
};

std::unique_ptr<c10d::Reducer> make_reducer(const ProcessGroup& group, const std::vector<at::Tensor>& parameters,
                                            std::unordered_map<std::size_t, std::string> names, const GradientReducerOptions& o) {
  const auto cap = static_cast<std::int64_t>(o.bucket_cap_mb * 1024 * 1024);
  const bool rebuilds = o.static_graph || !o.find_unused_parameters;
  // A graph that may be rebuilt after the first backward, in the order in which gradients came, begins with one bucket.
  const std::vector<std::size_t> limits = rebuilds ? std::vector<std::size_t>{std::numeric_limits<std::size_t>::max()}
                                                   : std::vector<std::size_t>{c10d::kDefaultFirstBucketBytes, static_cast<std::size_t>(cap)};
  const std::vector<bool> sparse(parameters.size(), false);
  auto [buckets, bucket_limits] = c10d::compute_bucket_assignment_by_size(parameters, limits, sparse);
  std::reverse(buckets.begin(), buckets.end());
  const std::int64_t first = o.bucket_cap_mb == 25 ? c10d::kDefaultFirstBucketBytes : cap;
  return std::make_unique<c10d::Reducer>(parameters, std::move(buckets), group.c10d(), sparse, cap, o.find_unused_parameters,
                                         o.gradient_as_bucket_view, std::move(names), first, /*skip_all_reduce_unused_params=*/false,
                                         /*use_python_reducer=*/false, std::vector<std::int64_t>{});
}

// Lightning's words behind c10d's.
[[noreturn]] void rethrow_with_advice(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  if (text.find("Expected to have finished reduction in the prior iteration") == text.npos) throw;
  throw RuntimeError(
      "It looks like your LightningModule has parameters that were not used in producing the loss returned by training_step. If this is "
      "intentional, you must enable the detection of unused parameters in DDP, either by setting the string value "
      "`strategy='ddp_find_unused_parameters_true'` or by setting the flag in the strategy with "
      "`strategy=DDPStrategy(find_unused_parameters=True)`. " + text);
}

}  // namespace

// A number of a device, read one step later: by then it is there, and nobody waits.
class LateNumber {
 public:
  /// The number of the call before; 0 at the first.
  double next(const at::Tensor& number) {
    double out = 0;
    if (there_) {
      there_->synchronize();
      out = *host_.const_data_ptr<double>();
    } else {
      host_ = at::empty({}, at::TensorOptions(at::kDouble).pinned_memory(true));
      there_.emplace(number.device().type());
    }
    host_.copy_(number, /*non_blocking=*/true);
    there_->record(c10::impl::VirtualGuardImpl(number.device().type()).getStream(number.device()));
    return out;
  }

 private:
  at::Tensor host_;
  std::optional<c10::Event> there_;
};

struct GradientReducer::Impl {
  at::Tensor flag;
  std::unique_ptr<c10d::Reducer> reducer;
  bool static_graph, delayed_once = false;
  LateNumber stop;
};

GradientReducer::GradientReducer(const ProcessGroup& group, const NamedParameters& parameters, const GradientReducerOptions& options)
    : impl_(new Impl{{}, {}, options.static_graph, false, {}}) {
  std::vector<at::Tensor> tensors;
  std::unordered_map<std::size_t, std::string> names;
  for (const auto& [name, tensor] : parameters) {
    names[tensors.size()] = name;
    tensors.push_back(tensor);
  }
  impl_->flag = at::zeros({}, parameters.front().second.options()).requires_grad_();
  names[tensors.size()] = "(whether to stop)";
  tensors.push_back(impl_->flag);
  impl_->reducer = make_reducer(group, tensors, std::move(names), options);
  if (options.static_graph) impl_->reducer->set_static_graph();
  choose_comm_hook(*impl_->reducer, group, tensors, options.comm_hook);
}

// The parameters outlive this, and so would hooks that call a reducer which is no more.
GradientReducer::~GradientReducer() { impl_->reducer->remove_autograd_hooks(); }

void GradientReducer::prepare_for_forward() {
  try {
    impl_->reducer->prepare_for_forward();
    impl_->reducer->rebuild_buckets();
  } catch (const c10::Error& error) {
    rethrow_with_advice(error);
  }
}

at::Tensor GradientReducer::prepare_for_backward(const at::Tensor& loss, bool stop) {
  std::int64_t delayed = 0;
  if (impl_->static_graph && !std::exchange(impl_->delayed_once, true)) delayed = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(impl_->reducer.get()));
  at::Tensor out = Sink::apply(loss, impl_->flag, stop, delayed);
  try {
    impl_->reducer->prepare_for_backward({out});
  } catch (const c10::Error& error) {
    rethrow_with_advice(error);
  }
  return out;
}

bool GradientReducer::take_stop() {
  at::Tensor& gradient = impl_->flag.mutable_grad();
  if (!gradient.defined()) return false;
  // All ranks have the same number, and read it at the same step.
  const bool stop = (gradient.is_cpu() ? gradient.item<double>() : impl_->stop.next(gradient)) > 0;
  gradient.zero_();
  return stop;
}

}  // namespace levin
