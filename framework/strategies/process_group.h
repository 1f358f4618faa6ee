#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/distributed/cluster_environment.h"
#include "levin/framework/base/export.h"

namespace c10d {
class ProcessGroup;
}

namespace levin {

/// What a reduction over ranks does with the ranks' values.
enum class ReduceOp : std::uint8_t { mean, sum, min, max };
/// "mean" and "avg", "sum", "min", "max"; ValueError otherwise.
LEVIN_API ReduceOp reduce_op_named(std::string_view name);

/// The processes of a run and what they do together: c10d behind our own face.
///
/// All ranks must call the same functions in the same order. What fails, a peer that has gone above all, is a DistributedError at once; a
/// peer that is silent is one after the timeout. After an error use no collective any more: see `leave`.
class LEVIN_API ProcessGroup {
 public:
  /// Meets the other ranks: returns when all are there. `backend` is "gloo", or "nccl" for tensors of this rank's `device`, with gloo beside
  /// it for those of the CPU. DistributedError, which says where it waited, if they don't come within `timeout`; the same timeout holds for
  /// every later collective.
  ProcessGroup(const ClusterEnvironment& environment, const std::string& backend, std::chrono::milliseconds timeout,
               at::Device device = at::kCPU);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int rank() const;
  int size() const;

  /// Waits until all ranks are there.
  void barrier(std::string_view name);
  /// In place, of contiguous tensors.
  void all_reduce(at::Tensor tensor, ReduceOp op);
  void broadcast(at::Tensor tensor, int source);
  /// `source`'s tensors into those of all ranks, few messages for many tensors.
  void broadcast(const std::vector<at::Tensor>& tensors, int source);
  /// The ranks' tensors, which all have the same size and type, stacked: [size(), ...].
  at::Tensor all_gather(const at::Tensor& tensor);
  /// Bytes of any length.
  std::string broadcast(const std::string& bytes, int source);
  std::vector<std::string> all_gather(const std::string& bytes);
  /// On rank 0 all ranks' bytes, elsewhere nothing.
  std::vector<std::string> gather(const std::string& bytes);

  /// This rank fails: tells the others why, as far as the store still answers, and takes part in nothing any more. Whoever is in a
  /// collective with this rank gets an error at once.
  void leave(const std::string& reason) noexcept;
  bool left() const;
  /// Why a collective failed: which rank failed or is gone, and with what. Waits up to a few seconds for signs of life.
  std::string explain_failure();

  /// Collectives on a device are only begun by who calls them: DistributedError here if one has failed since.
  void check();

  /// This rank has come to where all ranks come, beside the collectives: a training step. `explain_failure` names who hasn't.
  void count_point();

  /// SIGTERM has arrived at some other rank: told within a moment, for loops that have no collective.
  bool peer_terminated() const;

  /// For the files of this folder that speak c10d.
  const c10::intrusive_ptr<c10d::ProcessGroup>& c10d() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The ranks' tensors stacked; with `sync_grads` the result takes part in autograd: each rank's gradient is the sum of all ranks'.
LEVIN_API at::Tensor all_gather(ProcessGroup& group, const at::Tensor& tensor, bool sync_grads);

}  // namespace levin
