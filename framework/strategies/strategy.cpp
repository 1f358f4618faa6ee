#include "levin/framework/strategies/strategy.h"

#include "levin/framework/base/distributed/throw_named.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/signal_flags.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/optimizer.h"
#include "levin/framework/precision/precision.h"
#include "levin/framework/strategies/process_group.h"

namespace levin {

Strategy::Strategy(at::Device root_device, std::shared_ptr<CheckpointIO> checkpoint_io) : parallel_devices_{root_device} {
  set_checkpoint_io(std::move(checkpoint_io));
}
Strategy::~Strategy() = default;

void Strategy::set_checkpoint_io(std::shared_ptr<CheckpointIO> checkpoint_io) {
  checkpoint_io_ = checkpoint_io ? std::move(checkpoint_io) : std::make_shared<CheckpointIO>();
}

// Ranks of the CPU share one device.
at::Device Strategy::root_device() const {
  if (parallel_devices_.size() == 1 && parallel_devices_.front().is_cpu()) return at::kCPU;
  const auto rank = static_cast<std::size_t>(local_rank());
  if (rank < parallel_devices_.size()) return parallel_devices_[rank];
  throw RuntimeError("local rank " + std::to_string(rank) + " has no device: `devices` gives this machine " +
                     std::to_string(parallel_devices_.size()) + "; start as many ranks, or leave `devices` at \"auto\"");
}

namespace {

// Python's moves gradients too. LibTorch's leaves them behind, and their memory with them.
void move(LightningModule& module, at::Device device) {
  module.to(device);
  for (at::Tensor& parameter : module.parameters())
    if (const at::Tensor& gradient = parameter.grad(); gradient.defined() && gradient.device() != device)
      parameter.mutable_grad() = gradient.to(device);
}

}  // namespace

void Strategy::setup(LightningModule& module, bool) {
  if (module.device() != root_device()) move(module, root_device());
}

void Strategy::teardown(LightningModule& module) {
  if (!root_device().is_cpu()) move(module, at::kCPU);
}

at::Tensor Strategy::optimizer_step(Precision& precision, optim::Optimizer& optimizer, const Closure& closure,
                            const std::function<void()>& gradients_ready) {
  return precision.optimizer_step(optimizer, closure, gradients_ready);
}

Value Strategy::optimizer_state(const optim::Optimizer& optimizer) { return optimizer.state_dict(); }
void Strategy::load_optimizer_state(optim::Optimizer& optimizer, const Value& state) { optimizer.load_state_dict(state); }

at::Tensor Strategy::reduce(const at::Tensor& tensor, std::string_view reduce_op) {
  reduce_op_named(reduce_op);
  return tensor.detach().clone();
}

at::Tensor Strategy::all_gather(const at::Tensor& tensor, bool) { return tensor.unsqueeze(0); }

bool Strategy::stop_agreed() { return signals::terminated(); }
bool Strategy::agree_to_stop() { return signals::terminated(); }
bool Strategy::stop_wanted() { return signals::terminated(); }

Value Strategy::on_rank_zero(const std::function<Value()>& f) {
  if (world_size() == 1 || left_group() || rank_zero_works_) return f();
  Value outcome = Value::dict();
  std::exception_ptr own;
  if (is_global_zero()) {
    rank_zero_works_ = true;
    try {
      outcome["value"] = f();
    } catch (const std::exception& error) {
      own = std::current_exception();
      outcome["error"] = exception_name(error);
      outcome["message"] = error.what();
    }
  }
  rank_zero_works_ = false;
  outcome = broadcast(outcome, 0);
  if (own) std::rethrow_exception(own);
  if (const Value* error = outcome.find("error")) throw_named(error->as_string(), outcome.at("message").as_string());
  return outcome.at("value");
}

void Strategy::save_checkpoint(const Value& checkpoint, const std::string& path) {
  on_rank_zero([&] {
    checkpoint_io_->save_checkpoint(checkpoint, path);
    return Value();
  });
}

void Strategy::remove_checkpoint(const std::string& path) {
  on_rank_zero([&] {
    checkpoint_io_->remove_checkpoint(path);
    return Value();
  });
}

void Strategy::link_checkpoint(const std::string& target, const std::string& link) {
  on_rank_zero([&] {
    checkpoint_io_->link_checkpoint(target, link);
    return Value();
  });
}

bool Strategy::checkpoint_exists(const std::string& path) {
  return on_rank_zero([&] { return Value(checkpoint_io_->exists(path)); }).as_bool();
}

Value Strategy::load_checkpoint(const std::string& path) { return checkpoint_io_->load_checkpoint(path); }

}  // namespace levin
