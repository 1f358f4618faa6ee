#include "levin/framework/strategies/comm_hooks.h"

#include <ATen/ops/empty.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <algorithm>

#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/process_group.h"

namespace levin {
namespace {

using Group = c10::intrusive_ptr<c10d::ProcessGroup>;
using Future = c10::intrusive_ptr<c10::ivalue::Future>;

// The mean of the ranks' gradients, sent as bfloat16.
class Bf16CompressHook final : public c10d::CppCommHookInterface<Group> {
 public:
  using CppCommHookInterface::CppCommHookInterface;
  Future runHook(c10d::GradBucket& bucket) override {
    at::Tensor compressed = bucket.getBufferRef().to(at::kBFloat16);
    compressed.div_(state_->getSize());
    std::vector<at::Tensor> tensors{compressed};
    const auto buffer = bucket.getBuffer();
    return state_->allreduce(tensors)->getFuture()->then(
        [buffer](c10::ivalue::Future& future) {
          const auto result = future.value();
          const at::Tensor sum = result.isTensorList() ? result.toTensorVector()[0] : result.toTensor();
          buffer.copy_(sum);
          return c10::IValue(buffer);
        },
        c10::TensorType::get());
  }
};

// The mean of a few gradients on the CPU: all send them to rank 0, which adds them up in the order of the ranks and sends the sum back.
//
// Gloo's allreduce is made for bandwidth: a ring of 4 (size - 1) messages, each announced and asked for, on a thread that must be woken
// first. Where gradients are few a step is nothing but those wake-ups. This takes one message each way, from the thread that is here.
class ThroughRankZeroHook final : public c10d::CppCommHookInterface<Group> {
 public:
  using CppCommHookInterface::CppCommHookInterface;
  // Waits: few gradients are few in all, and no more of backward is left that could go on meanwhile.
  Future runHook(c10d::GradBucket& bucket) override {
    at::Tensor& buffer = bucket.getBufferRef();
    buffer.div_(state_->getSize());
    if (state_->getRank() == 0) add_up(buffer);
    else hand_in(buffer);
    Future done = c10::make_intrusive<c10::ivalue::Future>(c10::TensorType::get());
    done->markCompleted(buffer);
    return done;
  }

 private:
  static constexpr int to_zero = 1, from_zero = 2;  // tags

  void add_up(const at::Tensor& buffer) {
    const int others = state_->getSize() - 1;
    std::vector<std::vector<at::Tensor>> parts;
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    for (int i = 0; i < others; ++i) works.push_back(state_->recv(parts.emplace_back(1, at::empty_like(buffer)), i + 1, to_zero));
    for (int i = 0; i < others; ++i) {
      works[i]->wait();
      buffer.add_(parts[i][0]);
    }
    std::vector<at::Tensor> sum{buffer};
    for (int i = 0; i < others; ++i) works[i] = state_->send(sum, i + 1, from_zero);
    for (const auto& work : works) work->wait();
  }

  void hand_in(const at::Tensor& buffer) {
    std::vector<at::Tensor> tensors{buffer};
    // Asked for before, so that rank 0 need not wait to be asked. Nothing arrives in the buffer before rank 0 has all that is in it.
    const auto sum = state_->recv(tensors, 0, from_zero);
    state_->send(tensors, 0, to_zero)->wait();
    sum->wait();
  }
};

// Whether what rank 0 receives at a step is so little that the time for it is the messages' and not the bytes'.
bool are_few(const std::vector<at::Tensor>& parameters, int ranks) {
  constexpr std::size_t most_bytes = std::size_t{256} << 10;
  std::size_t bytes = 0;
  for (const at::Tensor& parameter : parameters) bytes += parameter.nbytes();
  return bytes * static_cast<std::size_t>(ranks - 1) <= most_bytes;
}

}  // namespace

void choose_comm_hook(c10d::Reducer& reducer, const ProcessGroup& group, const std::vector<at::Tensor>& parameters,
                      const std::optional<std::string>& name) {
  if (!name) {
    const bool on_cpu = std::all_of(parameters.begin(), parameters.end(), [](const at::Tensor& p) { return p.is_cpu(); });
    if (on_cpu && group.size() > 1 && are_few(parameters, group.size())) reducer.register_comm_hook(std::make_unique<ThroughRankZeroHook>(group.c10d()));
  } else if (*name == "allreduce") {
    reducer.register_builtin_comm_hook(c10d::BuiltinCommHookType::ALLREDUCE);
  } else if (*name == "fp16_compress") {
    reducer.register_builtin_comm_hook(c10d::BuiltinCommHookType::FP16_COMPRESS);
  } else if (*name == "bf16_compress") {
    reducer.register_comm_hook(std::make_unique<Bf16CompressHook>(group.c10d()));
  } else {
    throw ValueError("ddp_comm_hook '" + *name + "': there are fp16_compress, bf16_compress and allreduce");
  }
}

}  // namespace levin
