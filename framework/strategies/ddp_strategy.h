#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/fields.h"
#include "levin/framework/strategies/gradient_reducer.h"
#include "levin/framework/strategies/strategy.h"

namespace levin {

class ProcessGroup;

/// In the order of Lightning's DDPStrategy, then of torch's DistributedDataParallel.
struct DDPStrategyOptions {
  /// Which of the environments to take part in; none: the first that is there. See `detect_cluster_environment`.
  std::optional<std::string> cluster_environment = std::nullopt;
  /// How gradients travel: "fp16_compress", "bf16_compress", "allreduce"; none: as they are.
  std::optional<std::string> ddp_comm_hook = std::nullopt;
  /// none: "gloo" for the CPU, "nccl" for CUDA devices.
  std::optional<std::string> process_group_backend = std::nullopt;
  /// How long a rank waits for another, at the start and in every collective, while the other lives; one that dies is noticed at once.
  Seconds timeout = std::chrono::minutes(30);
  /// Send the buffers (running statistics) of rank 0 to all before a forward pass.
  bool broadcast_buffers = true;
  /// Gradients travel in buckets of this size, each as soon as it is full, while backward goes on. All in one: no overlap.
  double bucket_cap_mb = 25;
  /// Look in every graph which parameters it leaves out. Costs a walk over the graph per step.
  bool find_unused_parameters = false;
  /// Gradients are views of the buckets: saves their memory once.
  bool gradient_as_bucket_view = false;
  /// The graph is the same in every step: unused parameters are found once.
  bool static_graph = false;
};

template <class V>
void fields(V&& f, DDPStrategyOptions& o) {
  f("cluster_environment", o.cluster_environment, "torchelastic, slurm, mpi, env or lightning; null: the first that is there");
  f("ddp_comm_hook", o.ddp_comm_hook, "fp16_compress, bf16_compress or allreduce; null: gradients travel as they are");
  f("process_group_backend", o.process_group_backend, "gloo or nccl; null: by the device");
  f("timeout", o.timeout, "how long a rank waits for another that lives");
  f("broadcast_buffers", o.broadcast_buffers, "send rank 0's buffers to all before a forward pass");
  f("bucket_cap_mb", o.bucket_cap_mb, "size of the buckets that gradients travel in");
  f("find_unused_parameters", o.find_unused_parameters, "look in every graph which parameters it leaves out");
  f("gradient_as_bucket_view", o.gradient_as_bucket_view, "gradients are views of the buckets");
  f("static_graph", o.static_graph, "the graph is the same in every step");
}

/// One process per device; each has the whole model and a share of the data, and gradients are averaged: after each step all weights are
/// equal. `Trainer({.strategy = "ddp", .devices = 4})`, or with options `.strategy = levin::make<levin::DDPStrategy>({...})`.
///
/// Under torchrun, levin-run, srun or mpirun it takes its place among the ranks; started by hand, rank 0 of each machine starts the others
/// by running the same program again with the same arguments.
class LEVIN_API DDPStrategy : public Strategy {
 public:
  using Options = DDPStrategyOptions;
  explicit DDPStrategy(Options options = {});
  ~DDPStrategy() override;

  int global_rank() const override { return environment_.global_rank; }
  int local_rank() const override { return environment_.local_rank; }
  int node_rank() const override { return environment_.node_rank; }
  int world_size() const override { return environment_.world_size; }
  int local_world_size() const override { return environment_.local_world_size; }
  std::optional<Share> distributed_sampler_kwargs() const override { return Share{world_size(), global_rank()}; }

  bool is_distributed() const override { return true; }
  void connect(const ClusterEnvironment& environment) override { environment_ = environment; }
  void setup_environment() override;
  /// RuntimeError, on all ranks, which names the first parameter in which they differ.
  void setup(LightningModule& module, bool training) override;
  void teardown(LightningModule& module) override;

  std::shared_ptr<void> block_backward_sync() override;
  void before_training_step() override;
  at::Tensor before_backward(const at::Tensor& loss) override;
  void after_backward() override;
  void before_evaluation() override;

  void barrier(std::string_view name) override;
  Value broadcast(const Value& value, int source = 0) override;
  using Strategy::broadcast;
  std::vector<Value> gather_object(const Value& value) override;
  std::vector<Value> all_gather_object(const Value& value) override;
  bool reduce_boolean_decision(bool decision, bool all = true) override;
  at::Tensor reduce(const at::Tensor& tensor, std::string_view reduce_op = "mean") override;
  at::Tensor all_gather(const at::Tensor& tensor, bool sync_grads = false) override;

  bool stop_agreed() override;
  bool agree_to_stop() override;
  bool stop_wanted() override;
  std::exception_ptr leave_group(std::exception_ptr error) override;
  bool left_group() const override;

  const Options& options() const { return options_; }
  const ClusterEnvironment& cluster_environment() const { return environment_; }
  /// There from `setup_environment` on.
  ProcessGroup& process_group() { return *group_; }

 protected:
  /// No group yet, or none any more: what ranks do together this one does alone.
  bool alone() const;

 private:
  void check_parameters(const LightningModule& module);

  bool averages() const { return reducer_ && blocked_ == 0 && !alone(); }

  Options options_;
  ClusterEnvironment environment_;
  std::unique_ptr<ProcessGroup> group_;
  std::unique_ptr<GradientReducer> reducer_;
  std::vector<at::Tensor> buffers_;
  int blocked_ = 0;  ///< scopes in which gradients are not averaged
  bool buffers_due_ = true, stop_agreed_ = false;
};

/// A strategy by the name that Lightning's registry has for it: "auto" and "single_device" are null, the caller decides.
/// ValueError for names that are unknown, or that this version does not have, with the way out.
std::shared_ptr<Strategy> strategy_named(const std::string& name);

}  // namespace levin
