#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/checkpoint/checkpoint_io.h"

namespace levin {

class LightningModule;

/// Where a run happens: devices, ranks, and what ranks do together. One process is a group of one, so callers never branch.
/// This base is that group of one on one device (Lightning's `single_device`).
class LEVIN_API Strategy {
 public:
  explicit Strategy(at::Device root_device = at::kCPU, std::shared_ptr<CheckpointIO> checkpoint_io = nullptr);
  virtual ~Strategy();

  at::Device root_device() const { return root_device_; }
  virtual int global_rank() const { return 0; }
  virtual int local_rank() const { return 0; }
  virtual int world_size() const { return 1; }
  bool is_global_zero() const { return global_rank() == 0; }

  /// Moves the module to the device; later, wraps it.
  virtual void setup(LightningModule& module);
  /// Puts the module back on the CPU.
  virtual void teardown(LightningModule& module);

  /// While the result lives, backward leaves each rank its own gradients: for all but the last batch of an accumulation.
  virtual std::shared_ptr<void> block_backward_sync() { return nullptr; }

  virtual void barrier(std::string_view name) { (void)name; }
  /// Rank `source`'s value, on every rank.
  virtual Value broadcast(const Value& value, int source = 0) { (void)source; return value; }
  std::string broadcast(const std::string& text, int source = 0) { return broadcast(Value(text), source).as_string(); }
  bool broadcast(bool decision, int source = 0) { return broadcast(Value(decision), source).as_bool(); }
  /// True if `decision` is true on all ranks (`all`) or on any.
  virtual bool reduce_boolean_decision(bool decision, bool all = true) { (void)all; return decision; }

  /// Rank 0 writes or removes; every rank learns whether it worked.
  virtual void save_checkpoint(const Value& checkpoint, const std::string& path);
  virtual void remove_checkpoint(const std::string& path);
  virtual void link_checkpoint(const std::string& target, const std::string& link);
  virtual Value load_checkpoint(const std::string& path);
  /// Whether a checkpoint has this name, as rank 0 sees it.
  virtual bool checkpoint_exists(const std::string& path);
  CheckpointIO& checkpoint_io() { return *checkpoint_io_; }

 private:
  at::Device root_device_;
  std::shared_ptr<CheckpointIO> checkpoint_io_;
};

}  // namespace levin
