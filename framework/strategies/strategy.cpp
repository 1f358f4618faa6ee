#include "levin/framework/strategies/strategy.h"

#include "levin/framework/module/lightning_module.h"

namespace levin {

Strategy::Strategy(at::Device root_device, std::shared_ptr<CheckpointIO> checkpoint_io)
    : root_device_(root_device), checkpoint_io_(checkpoint_io ? std::move(checkpoint_io) : std::make_shared<CheckpointIO>()) {}
Strategy::~Strategy() = default;

void Strategy::setup(LightningModule& module) {
  if (module.device() != root_device_) module.to(root_device_);
}

void Strategy::teardown(LightningModule& module) {
  if (!root_device_.is_cpu()) module.to(at::kCPU);
}

void Strategy::save_checkpoint(const Value& checkpoint, const std::string& path) {
  if (is_global_zero()) checkpoint_io_->save_checkpoint(checkpoint, path);
}

void Strategy::remove_checkpoint(const std::string& path) {
  if (is_global_zero()) checkpoint_io_->remove_checkpoint(path);
}

void Strategy::link_checkpoint(const std::string& target, const std::string& link) {
  if (is_global_zero()) checkpoint_io_->link_checkpoint(target, link);
}

bool Strategy::checkpoint_exists(const std::string& path) { return broadcast(is_global_zero() && checkpoint_io_->exists(path)); }

Value Strategy::load_checkpoint(const std::string& path) { return checkpoint_io_->load_checkpoint(path); }

}  // namespace levin
