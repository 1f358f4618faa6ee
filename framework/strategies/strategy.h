#pragma once
#include <ATen/core/Tensor.h>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/distributed/cluster_environment.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/checkpoint/checkpoint_io.h"
#include "levin/framework/module/trainer_link.h"

namespace levin {

class LightningModule;
class Precision;

/// Where a run happens: devices, ranks, and what ranks do together. One process is a group of one, so callers never branch.
/// This base is that group of one on one device (Lightning's `single_device`); `DDPStrategy` is the group of several.
///
/// Functions marked "together" are called by all ranks, in the same order; whoever fails alone must not call them any more.
class LEVIN_API Strategy {
 public:
  explicit Strategy(at::Device root_device = at::kCPU, std::shared_ptr<CheckpointIO> checkpoint_io = nullptr);
  virtual ~Strategy();

  /// Where this rank computes: its entry of `parallel_devices`. RuntimeError if it has none.
  at::Device root_device() const;
  /// The devices of this machine's ranks, by local rank. The Trainer sets them from `accelerator` and `devices`.
  const std::vector<at::Device>& parallel_devices() const { return parallel_devices_; }
  void set_parallel_devices(std::vector<at::Device> devices) { parallel_devices_ = std::move(devices); }
  virtual int global_rank() const { return 0; }
  virtual int local_rank() const { return 0; }
  virtual int node_rank() const { return 0; }
  virtual int world_size() const { return 1; }
  /// Ranks on this machine.
  virtual int local_world_size() const { return 1; }
  bool is_global_zero() const { return global_rank() == 0; }
  /// How a dataset is shared out; none: it isn't.
  struct Share {
    int num_replicas, rank;
  };
  virtual std::optional<Share> distributed_sampler_kwargs() const { return std::nullopt; }

  // ---- The order of a run --------------------------------------------------------------------------------------------------------
  /// Whether the run is one of several processes by this strategy, and what it is told of them when the Trainer is made.
  virtual bool is_distributed() const { return false; }
  virtual void connect(const ClusterEnvironment& environment) { (void)environment; }
  void set_checkpoint_io(std::shared_ptr<CheckpointIO> checkpoint_io);
  /// Together. First of all in a run: starts the ranks if nobody has, and meets them.
  virtual void setup_environment() {}
  /// Together. Moves the module to the device, gives all ranks rank 0's weights, and, for training, makes ready to average gradients.
  virtual void setup(LightningModule& module, bool training);
  /// Puts the module back on the CPU.
  virtual void teardown(LightningModule& module);

  // ---- A training step -------------------------------------------------------------------------------------------------------------
  /// While the result lives, backward leaves each rank its own gradients: for all but the last batch of an accumulation.
  virtual std::shared_ptr<void> block_backward_sync() { return nullptr; }
  virtual void before_training_step() {}
  /// What backward is called on in place of the loss: the loss, with its value.
  virtual at::Tensor before_backward(const at::Tensor& loss) { return loss; }
  virtual void after_backward() {}
  /// The step itself, through the precision: see `Precision::optimizer_step`.
  virtual at::Tensor optimizer_step(Precision& precision, optim::Optimizer& optimizer, const Closure& closure,
                                    const std::function<void()>& gradients_ready);
  /// Before a validation, test or prediction.
  virtual void before_evaluation() {}
  /// Together, where the state is spread over the ranks. The whole of it, as `Optimizer::state_dict` has it.
  virtual Value optimizer_state(const optim::Optimizer& optimizer);
  virtual void load_optimizer_state(optim::Optimizer& optimizer, const Value& state);

  // ---- What ranks do together --------------------------------------------------------------------------------------------------------
  virtual void barrier(std::string_view name) { (void)name; }
  /// Rank `source`'s value, on every rank.
  virtual Value broadcast(const Value& value, int source = 0) { (void)source; return value; }
  std::string broadcast(const std::string& text, int source = 0) { return broadcast(Value(text), source).as_string(); }
  bool broadcast(bool decision, int source = 0) { return broadcast(Value(decision), source).as_bool(); }
  /// On rank 0 the values of all ranks; elsewhere none.
  virtual std::vector<Value> gather_object(const Value& value) { return {value}; }
  virtual std::vector<Value> all_gather_object(const Value& value) { return {value}; }
  /// True if `decision` is true on all ranks (`all`) or on any.
  virtual bool reduce_boolean_decision(bool decision, bool all = true) { (void)all; return decision; }
  /// The ranks' tensors made one: "mean" (or "avg"), "sum", "min", "max". A tensor of its own.
  virtual at::Tensor reduce(const at::Tensor& tensor, std::string_view reduce_op = "mean");
  /// The ranks' tensors of one size, stacked: [world_size, ...]. With `sync_grads` gradients flow back through it.
  virtual at::Tensor all_gather(const at::Tensor& tensor, bool sync_grads = false);
  /// Together. Rank 0 runs `f`, and all ranks get its value; if it throws, all throw the same error. Everything that looks at the file
  /// system goes through here, since what one rank sees there another may not.
  Value on_rank_zero(const std::function<Value()>& f);

  // ---- Stopping and failing ------------------------------------------------------------------------------------------------------------
  /// After a batch: whether all ranks stop here because SIGTERM came to one of them. The same answer on every rank; nothing is sent.
  virtual bool stop_agreed();
  /// Together. The same at points where no gradients were averaged.
  virtual bool agree_to_stop();
  /// SIGTERM came to this rank or, as far as is known, to another: a pass that all ranks end with `agree_to_stop` may be left.
  virtual bool stop_wanted();
  /// An error is on its way out of this rank alone. From here on it is a group of one: nothing waits for the others, who are told. The
  /// result is the error to go on with: one that is only another rank's failure seen from here becomes a DistributedError which names
  /// that rank.
  virtual std::exception_ptr leave_group(std::exception_ptr error) { return error; }
  /// Whether it has.
  virtual bool left_group() const { return false; }

  // ---- Checkpoints ---------------------------------------------------------------------------------------------------------------------
  /// Together. Rank 0 writes, links or removes; every rank learns whether it worked.
  virtual void save_checkpoint(const Value& checkpoint, const std::string& path);
  virtual void remove_checkpoint(const std::string& path);
  virtual void link_checkpoint(const std::string& target, const std::string& link);
  virtual Value load_checkpoint(const std::string& path);
  /// Together. Whether a checkpoint has this name, as rank 0 sees it.
  virtual bool checkpoint_exists(const std::string& path);
  CheckpointIO& checkpoint_io() { return *checkpoint_io_; }

 private:
  std::vector<at::Device> parallel_devices_;
  bool rank_zero_works_ = false;  ///< within `on_rank_zero`, whose function may call it again
  std::shared_ptr<CheckpointIO> checkpoint_io_;
};

}  // namespace levin
