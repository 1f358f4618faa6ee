#include "support/op_recorder.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <stdexcept>
#include <vector>

namespace {

constexpr auto key = c10::DispatchKey::TESTING_ONLY_GenericMode;

struct Call {
  c10::OperatorHandle op;
  std::vector<c10::IValue> inputs, outputs;
};

// Autograd may call operators from a thread of its own, but for the CPU it doesn't.
thread_local std::vector<Call>* tape = nullptr;
thread_local std::string forbidden_operator;

void note(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard below(key);
  if (tape && op.schema().name() == forbidden_operator) throw std::runtime_error(forbidden_operator + " can't be recorded");
  const auto count = op.schema().arguments().size();
  std::vector<c10::IValue> inputs(stack->end() - static_cast<std::ptrdiff_t>(count), stack->end());
  op.callBoxed(stack);
  if (!tape) return;
  const auto results = op.schema().returns().size();
  tape->push_back({op, std::move(inputs), {stack->end() - static_cast<std::ptrdiff_t>(results), stack->end()}});
}

// Where the first run has left a result, the code that was recorded has kept it.
void put(const c10::IValue& old, const c10::IValue& fresh) {
  if (old.isTensor()) {
    const at::Tensor& to = old.toTensor();
    const at::Tensor& from = fresh.toTensor();
    if (to.defined() && from.defined() && to.const_data_ptr() != from.const_data_ptr()) to.detach().copy_(from);
  } else if (old.isTensorList()) {
    const auto to = old.toTensorVector(), from = fresh.toTensorVector();
    for (std::size_t i = 0; i < to.size(); ++i) put(to[i], from[i]);
  }
}

class OpRecorder final : public levin::GraphRecorder {
 public:
  explicit OpRecorder(std::shared_ptr<RecorderCounts> counts) : counts_(std::move(counts)) {}

  void warm_up(const std::function<void()>& work) override {
    ++counts_->warm_ups;
    work();
  }

  void record(const std::function<void()>& work) override {
    reset();
    if (!counts_->failure.empty()) throw std::runtime_error(counts_->failure);
    struct Recording {
      explicit Recording(std::vector<Call>& calls) { tape = &calls; }
      ~Recording() { tape = nullptr; }
      c10::impl::IncludeDispatchKeyGuard above{key};
    } recording(calls_);
    forbidden_operator = counts_->forbidden;
    work();
    done_ = true;  // unlike on a device
    ++counts_->recordings;
  }

  void replay() override {
    ++counts_->replays;
    if (std::exchange(done_, false)) return;
    const at::NoGradGuard no_grad;
    for (const Call& call : calls_) {
      torch::jit::Stack stack(call.inputs);
      call.op.callBoxed(&stack);
      for (std::size_t i = 0; i < call.outputs.size(); ++i) put(call.outputs[i], stack[i]);
    }
  }

  void reset() override { calls_.clear(); }

 private:
  std::shared_ptr<RecorderCounts> counts_;
  std::vector<Call> calls_;
  bool done_ = false;
};

}  // namespace

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&note>()); }

std::unique_ptr<levin::GraphRecorder> make_op_recorder(std::shared_ptr<RecorderCounts> counts) { return std::make_unique<OpRecorder>(std::move(counts)); }
