#include "levin/framework/callback.h"

#include "levin/framework/base/class_name.h"

namespace levin {

Callback::~Callback() = default;
Checkpoint::~Checkpoint() = default;

namespace {
thread_local std::uint64_t idle = 0;
}

void Callback::on_before_backward(Trainer&, LightningModule&, const at::Tensor&) { ++idle; }
void Callback::on_after_backward(Trainer&, LightningModule&) { ++idle; }
void Callback::on_before_optimizer_step(Trainer&, LightningModule&, optim::Optimizer&) { ++idle; }
void Callback::on_before_zero_grad(Trainer&, LightningModule&, optim::Optimizer&) { ++idle; }
std::uint64_t Callback::idle_calls() { return idle; }

std::string Callback::state_key() const { return class_name(*this); }

}  // namespace levin
