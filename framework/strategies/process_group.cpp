#include "levin/framework/strategies/process_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>

#include <cstring>
#include <optional>

#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/base/distributed/rank_starter.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/rendezvous.h"
#include "levin/framework/strategies/watcher.h"

namespace levin {

ReduceOp reduce_op_named(std::string_view name) {
  if (name == "mean" || name == "avg") return ReduceOp::mean;
  if (name == "sum") return ReduceOp::sum;
  if (name == "min") return ReduceOp::min;
  if (name == "max") return ReduceOp::max;
  throw ValueError("reduce_op '" + std::string(name) + "': there are mean (or avg), sum, min and max");
}

struct ProcessGroup::Impl {
  int rank, size;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  c10::intrusive_ptr<c10d::Backend> nccl;  ///< null: all collectives are the CPU's
  std::optional<Watcher> watcher;
  bool left = false;

  // What c10d throws names sockets; a person wants to know which rank.
  template <class F>
  auto guarded(std::string_view what, F&& f) {
    if (watcher) watcher->count_point();
    try {
      return f();
    } catch (const std::exception& error) {
      throw DistributedError(std::string(what) + " failed on rank " + std::to_string(rank) + ": " +
                             (watcher ? watcher->explain_failure() : error.what()));
    }
  }
  std::vector<at::Tensor> gather_padded(const std::string& bytes, bool everywhere, std::vector<std::int64_t>& sizes);
};

ProcessGroup::ProcessGroup(const ClusterEnvironment& environment, const std::string& backend, std::chrono::milliseconds timeout, at::Device device)
    : impl_(new Impl{environment.global_rank, environment.world_size, {}, {}, {}}) {
  if (backend == "nccl" && !device.is_cuda()) throw ValueError("process_group_backend='nccl' is for CUDA devices, and this run is on " + device.str());
  if (backend != "nccl" && device.is_cuda()) throw ValueError("process_group_backend='" + backend + "': CUDA devices need 'nccl', or null");
  const auto store = meet(environment, timeout);
  if (size() > 1) impl_->watcher.emplace(store, rank(), size());
  impl_->guarded("the start of the process group", [&] {
    using Group = c10d::ProcessGroup;
    impl_->group = c10::make_intrusive<Group>(store, rank(), size());
    impl_->group->setBackend(c10::DeviceType::CPU, Group::BackendType::GLOO, make_backend(device.is_cuda() ? "gloo" : backend, store, environment, timeout));
    if (device.is_cuda()) {
      impl_->nccl = cuda_backend().make_nccl(c10::make_intrusive<c10d::PrefixStore>("nccl", store), rank(), size(), timeout, device);
      impl_->group->setBackend(c10::DeviceType::CUDA, Group::BackendType::NCCL, impl_->nccl);
    }
    impl_->group->setDefaultBackend(Group::BackendType::GLOO);
    impl_->group->setGroupName("levin");
  });
  // A rank that waits for one on its device hangs there until the connections are closed.
  if (impl_->nccl && impl_->watcher) impl_->watcher->on_failure([nccl = impl_->nccl] { nccl->abort(); });
}

// After an error there may be an operation in flight whose peer never comes, and the group's destructor would wait for it.
ProcessGroup::~ProcessGroup() {
  impl_->watcher.reset();
  if (!left()) {
    if (!impl_->nccl) return;
    try {
      impl_->nccl->shutdown();  // or it says that nobody has, and aborts what may still be running
    } catch (const std::exception&) {
      // The process ends, or the next group says what is wrong.
    }
    return;
  }
  (void)impl_->group.release();
  (void)impl_->nccl.release();
}

void ProcessGroup::check() {
  if (!impl_->nccl || size() == 1 || left()) return;
  impl_->guarded("a collective", [&] {
    if ((impl_->watcher && impl_->watcher->failed()) || impl_->nccl->getError() != c10d::ErrorType::SUCCESS) throw RuntimeError("NCCL has given up");
  });
}

void ProcessGroup::count_point() {
  if (impl_->watcher) impl_->watcher->count_point();
}

int ProcessGroup::rank() const { return impl_->rank; }
int ProcessGroup::size() const { return impl_->size; }
const c10::intrusive_ptr<c10d::ProcessGroup>& ProcessGroup::c10d() const { return impl_->group; }
bool ProcessGroup::left() const { return impl_->left; }
bool ProcessGroup::peer_terminated() const { return impl_->watcher && impl_->watcher->peer_terminated(); }

void ProcessGroup::leave(const std::string& reason) noexcept {
  if (std::exchange(impl_->left, true) || !impl_->watcher) return;
  // The reason first: whoever misses this rank finds it.
  impl_->watcher->leave(reason);
  abandon_threads();
  try {
    impl_->group->abort();  // of all its devices
  } catch (const std::exception&) {
    // Closed already, or the others learn of it when this process ends.
  }
}

std::string ProcessGroup::explain_failure() { return impl_->watcher ? impl_->watcher->explain_failure() : "there is one rank only"; }

void ProcessGroup::barrier(std::string_view name) {
  if (size() == 1) return;
  impl_->guarded("barrier '" + std::string(name) + "'", [&] { impl_->group->barrier()->wait(); });
}

void ProcessGroup::all_reduce(at::Tensor tensor, ReduceOp op) {
  if (size() == 1) return;
  constexpr c10d::ReduceOp::RedOpType kinds[] = {c10d::ReduceOp::SUM, c10d::ReduceOp::SUM, c10d::ReduceOp::MIN, c10d::ReduceOp::MAX};
  impl_->guarded("all_reduce", [&] {
    std::vector<at::Tensor> tensors{tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = kinds[static_cast<std::size_t>(op)];
    impl_->group->allreduce(tensors, options)->wait();
  });
  if (op == ReduceOp::mean) tensor.div_(size());
}

void ProcessGroup::broadcast(at::Tensor tensor, int source) {
  if (size() == 1) return;
  impl_->guarded("broadcast", [&] {
    std::vector<at::Tensor> tensors{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = source;
    impl_->group->broadcast(tensors, options)->wait();
  });
}

void ProcessGroup::broadcast(const std::vector<at::Tensor>& tensors, int source) {
  if (size() == 1 || tensors.empty()) return;
  constexpr std::size_t message_bytes = std::size_t{250} << 20;
  impl_->guarded("broadcast", [&] { c10d::broadcast_coalesced(impl_->group, tensors, message_bytes, source); });
}

at::Tensor ProcessGroup::all_gather(const at::Tensor& tensor) {
  const at::Tensor own = tensor.detach().contiguous();
  if (size() == 1) return own.unsqueeze(0).clone();
  std::vector<std::vector<at::Tensor>> out(1);
  for (int i = 0; i < size(); ++i) out[0].push_back(at::empty(own.sizes(), own.options()));
  impl_->guarded("all_gather", [&] {
    std::vector<at::Tensor> in{own};
    impl_->group->allgather(out, in)->wait();
  });
  return at::stack(out[0]);
}

// ---- bytes -----------------------------------------------------------------------------------------------------------------------

namespace {

at::Tensor as_tensor(const std::string& bytes, std::int64_t padded) {
  at::Tensor out = at::zeros({padded}, at::kByte);
  if (!bytes.empty()) std::memcpy(out.mutable_data_ptr(), bytes.data(), bytes.size());
  return out;
}

std::string as_string(const at::Tensor& tensor, std::int64_t size) {
  return {static_cast<const char*>(tensor.const_data_ptr()), static_cast<std::size_t>(size)};
}

}  // namespace

std::string ProcessGroup::broadcast(const std::string& bytes, int source) {
  if (size() == 1) return bytes;
  // Decisions are short: most go in one message, with their length in front.
  constexpr std::int64_t inline_bytes = 1024;
  const auto length = static_cast<std::int64_t>(bytes.size());
  at::Tensor head = at::zeros({8 + inline_bytes}, at::kByte);
  auto* data = static_cast<char*>(head.mutable_data_ptr());
  if (rank() == source) {
    std::memcpy(data, &length, 8);
    std::memcpy(data + 8, bytes.data(), static_cast<std::size_t>(std::min(length, inline_bytes)));
  }
  broadcast(head, source);
  std::int64_t of_source = 0;
  std::memcpy(&of_source, data, 8);
  if (of_source <= inline_bytes) return {data + 8, static_cast<std::size_t>(of_source)};
  at::Tensor whole = rank() == source ? as_tensor(bytes, of_source) : at::empty({of_source}, at::kByte);
  broadcast(whole, source);
  return as_string(whole, of_source);
}

std::vector<at::Tensor> ProcessGroup::Impl::gather_padded(const std::string& bytes, bool everywhere, std::vector<std::int64_t>& sizes) {
  std::vector<std::vector<at::Tensor>> lengths(1), out(1);
  for (int i = 0; i < size; ++i) lengths[0].push_back(at::empty({1}, at::kLong));
  std::vector<at::Tensor> in{at::empty({1}, at::kLong).fill_(static_cast<std::int64_t>(bytes.size()))};
  guarded("all_gather", [&] { group->allgather(lengths, in)->wait(); });
  std::int64_t longest = 1;
  for (const at::Tensor& length : lengths[0]) longest = std::max(longest, sizes.emplace_back(*length.const_data_ptr<std::int64_t>()));
  in = {as_tensor(bytes, longest)};
  const bool receives = everywhere || rank == 0;
  for (int i = 0; receives && i < size; ++i) out[0].push_back(at::empty({longest}, at::kByte));
  if (everywhere) {
    guarded("all_gather", [&] { group->allgather(out, in)->wait(); });
  } else {
    if (!receives) out.clear();
    guarded("gather", [&] { group->gather(out, in, c10d::GatherOptions{.rootRank = 0})->wait(); });
  }
  return out.empty() ? std::vector<at::Tensor>() : out[0];
}

std::vector<std::string> ProcessGroup::all_gather(const std::string& bytes) {
  if (size() == 1) return {bytes};
  std::vector<std::int64_t> sizes;
  const auto padded = impl_->gather_padded(bytes, true, sizes);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < padded.size(); ++i) out.push_back(as_string(padded[i], sizes[i]));
  return out;
}

std::vector<std::string> ProcessGroup::gather(const std::string& bytes) {
  if (size() == 1) return {bytes};
  std::vector<std::int64_t> sizes;
  const auto padded = impl_->gather_padded(bytes, false, sizes);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < padded.size(); ++i) out.push_back(as_string(padded[i], sizes[i]));
  return out;
}

// ---- all_gather within autograd ----------------------------------------------------------------------------------------------------

namespace {

struct GatherWithGradients : torch::autograd::Function<GatherWithGradients> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& tensor, std::int64_t group) {
    context->saved_data["group"] = group;
    return reinterpret_cast<ProcessGroup*>(group)->all_gather(tensor);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto* group = reinterpret_cast<ProcessGroup*>(context->saved_data["group"].toInt());
    const at::Tensor sum = gradients[0].contiguous().clone();
    group->all_reduce(sum, ReduceOp::sum);
    return {sum[group->rank()], at::Tensor()};
  }
};

}  // namespace

at::Tensor all_gather(ProcessGroup& group, const at::Tensor& tensor, bool sync_grads) {
  if (!sync_grads) return group.all_gather(tensor);
  return GatherWithGradients::apply(tensor, static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(&group)));
}

}  // namespace levin
