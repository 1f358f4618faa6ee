#include "levin/framework/strategies/ddp_strategy.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cstdlib>
#include <thread>

#include "levin/framework/base/distributed/processor_share.h"
#include "levin/framework/base/distributed/rank_starter.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/error_file.h"
#include "levin/framework/base/signal_flags.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/nn/sync_batch_norm.h"
#include "levin/framework/strategies/ddp_zero1_strategy.h"
#include "levin/framework/strategies/process_group.h"
#include "levin/framework/strategies/value_bytes.h"

namespace levin {

DDPStrategy::DDPStrategy(Options options) : options_(std::move(options)) {
  if (!(options_.bucket_cap_mb > 0)) throw ValueError("DDPStrategy: bucket_cap_mb must be above 0");
  if (!(options_.timeout.count() > 0)) throw ValueError("DDPStrategy: timeout must be above 0");
}

DDPStrategy::~DDPStrategy() = default;

bool DDPStrategy::alone() const { return !group_ || group_->left(); }
bool DDPStrategy::left_group() const { return group_ && group_->left(); }

void DDPStrategy::setup_environment() {
  if (left_group()) throw DistributedError("this Trainer's ranks parted after an error; start the program again to train with them");
  if (group_) return;
  if (environment_.local_world_size > 1 && !std::getenv("OMP_NUM_THREADS")) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    at::set_num_threads(std::max(1, cores / environment_.local_world_size));
  }
  if (!environment_.creates_processes_externally() && environment_.world_size > 1) start_ranks(environment_);
  take_processor_share(environment_.local_rank, environment_.local_world_size);  // after the others have started, who would inherit it
  const at::Device device = root_device();
  group_ = std::make_unique<ProcessGroup>(environment_, options_.process_group_backend.value_or(device.is_cuda() ? "nccl" : "gloo"),
                                          std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout), device);
}

// ---- the module --------------------------------------------------------------------------------------------------------------------

namespace {

std::string description(const std::string& name, const at::Tensor& tensor) {
  std::string out = name + ": " + std::string(tensor.dtype().name()) + " [";
  for (std::size_t i = 0; i < tensor.sizes().size(); ++i) out += (i ? ", " : "") + std::to_string(tensor.sizes()[i]);
  return out + (tensor.requires_grad() ? "]" : "], frozen");
}

// The first entry that differs from rank 0's, or "".
std::string difference(const List& here, const List& there, int rank) {
  const std::size_t count = std::max(here.size(), there.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string own = i < here.size() ? here[i].as_string() : "no parameter", zero = i < there.size() ? there[i].as_string() : "no parameter";
    if (own != zero) return "parameter " + std::to_string(i) + " is '" + zero + "' on rank 0 and '" + own + "' on rank " + std::to_string(rank);
  }
  return "";
}

}  // namespace

void DDPStrategy::check_parameters(const LightningModule& module) {
  Value own = Value::list();
  for (const auto& item : module.named_parameters()) own.push_back(description(item.key(), item.value()));
  const Value zero = broadcast(own, 0);
  for (const Value& found : all_gather_object(difference(own.items(), zero.items(), global_rank()))) {
    if (!found.as_string().empty())
      throw RuntimeError("DDP expects same model across all ranks, but " + found.as_string() + ". Build the model alike on every rank.");
  }
}

void DDPStrategy::setup(LightningModule& module, bool training) {
  Strategy::setup(module, training);
  reducer_.reset();
  if (world_size() > 1) check_parameters(module);
  std::vector<at::Tensor> state;
  GradientReducer::NamedParameters trained;
  for (const auto& item : module.named_parameters()) {
    state.push_back(item.value().detach());
    if (item.value().requires_grad()) trained.emplace_back(item.key(), item.value());
  }
  buffers_ = module.buffers();
  for (const at::Tensor& buffer : buffers_) state.push_back(buffer.detach());
  {
    const c10::AutoGradMode no_grad(false);
    group_->broadcast(state, 0);
  }
  buffers_due_ = true;
  for (const auto& item : module.named_modules("", /*include_self=*/false))
    if (auto* norm = dynamic_cast<nn::SyncBatchNormImpl*>(item.value().get())) norm->share_statistics(group_.get());
  if (!training || trained.empty()) return;
  reducer_ = std::make_unique<GradientReducer>(*group_, trained,
                                               GradientReducerOptions{options_.find_unused_parameters, options_.static_graph, options_.gradient_as_bucket_view,
                                                                      options_.bucket_cap_mb, options_.ddp_comm_hook});
}

void DDPStrategy::teardown(LightningModule& module) {
  // After an error a backward may have been cut short, and the reducer's end would complain of it.
  if (left_group()) (void)reducer_.release();
  reducer_.reset();
  buffers_.clear();
  for (const auto& item : module.named_modules("", /*include_self=*/false))
    if (auto* norm = dynamic_cast<nn::SyncBatchNormImpl*>(item.value().get())) norm->share_statistics(nullptr);
  Strategy::teardown(module);
}

std::shared_ptr<void> DDPStrategy::block_backward_sync() {
  ++blocked_;
  return std::shared_ptr<void>(nullptr, [this](void*) { --blocked_; });
}

void DDPStrategy::before_training_step() {
  stop_agreed_ = false;
  if (alone()) return;
  group_->count_point();
  group_->check();
  // As in torch: buffers are sent before a forward pass unless the one before it kept its gradients to itself.
  if (std::exchange(buffers_due_, blocked_ == 0) && options_.broadcast_buffers && !buffers_.empty()) {
    const c10::AutoGradMode no_grad(false);
    group_->broadcast(buffers_, 0);
  }
  if (averages()) reducer_->prepare_for_forward();
}

at::Tensor DDPStrategy::before_backward(const at::Tensor& loss) {
  if (!alone()) group_->count_point();
  return averages() ? reducer_->prepare_for_backward(loss, stop_wanted()) : loss;
}

void DDPStrategy::after_backward() {
  if (averages() && reducer_->take_stop()) stop_agreed_ = true;
}

void DDPStrategy::before_evaluation() {
  if (!options_.broadcast_buffers || buffers_.empty() || alone()) return;
  const c10::AutoGradMode no_grad(false);
  group_->broadcast(buffers_, 0);
}

// ---- together ------------------------------------------------------------------------------------------------------------------------

void DDPStrategy::barrier(std::string_view name) {
  if (!alone()) group_->barrier(name);
}

Value DDPStrategy::broadcast(const Value& value, int source) {
  if (alone() || world_size() == 1) return value;
  const std::string bytes = group_->broadcast(global_rank() == source ? to_bytes(value) : std::string(), source);
  return global_rank() == source ? value : from_bytes(bytes);
}

std::vector<Value> DDPStrategy::gather_object(const Value& value) {
  if (alone() || world_size() == 1) return {value};
  std::vector<Value> out;
  for (const std::string& bytes : group_->gather(to_bytes(value))) out.push_back(from_bytes(bytes));
  return out;
}

std::vector<Value> DDPStrategy::all_gather_object(const Value& value) {
  if (alone() || world_size() == 1) return {value};
  std::vector<Value> out;
  for (const std::string& bytes : group_->all_gather(to_bytes(value))) out.push_back(from_bytes(bytes));
  return out;
}

bool DDPStrategy::reduce_boolean_decision(bool decision, bool all) {
  if (alone()) return decision;
  const at::Tensor votes = at::empty({1}, at::kInt).fill_(decision ? 1 : 0);
  group_->all_reduce(votes, all ? ReduceOp::min : ReduceOp::max);
  return *votes.const_data_ptr<int>() != 0;
}

at::Tensor DDPStrategy::reduce(const at::Tensor& tensor, std::string_view reduce_op) {
  const ReduceOp op = reduce_op_named(reduce_op);
  at::Tensor out = tensor.detach().clone(at::MemoryFormat::Contiguous);
  if (op == ReduceOp::mean && !out.is_floating_point() && !out.is_complex()) out = out.to(at::kFloat);
  if (!alone()) group_->all_reduce(out, op);
  return out;
}

at::Tensor DDPStrategy::all_gather(const at::Tensor& tensor, bool sync_grads) {
  return alone() ? tensor.unsqueeze(0) : levin::all_gather(*group_, tensor, sync_grads);
}

// ---- stopping and failing --------------------------------------------------------------------------------------------------------------

bool DDPStrategy::stop_wanted() { return signals::terminated() || (!alone() && group_->peer_terminated()); }

// The gradients have brought it. A module without any asks at every batch.
bool DDPStrategy::stop_agreed() { return reducer_ ? stop_agreed_ : agree_to_stop(); }

bool DDPStrategy::agree_to_stop() { return reduce_boolean_decision(stop_wanted(), /*all=*/false); }

namespace {

std::string told(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return exception_name(e) + ": " + e.what();
  } catch (...) {
    return "an unknown error";
  }
}

void note_error(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const KeyboardInterrupt&) {
  } catch (const std::exception& e) {
    write_error_file(e);
  } catch (...) {
  }
}

// Whether it is another rank's end as a collective within LibTorch sees it: backward's, which we don't call ourselves.
bool is_lost_connection(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error&) {
    return false;
  } catch (const std::exception& e) {
    const std::string_view text = e.what();
    for (const char* sign : {"gloo", "NCCL", "nccl", "Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out waiting"})
      if (text.find(sign) != text.npos) return true;
  } catch (...) {
  }
  return false;
}

// Whether the others have no use for being told: it is theirs, or they have agreed on it.
bool is_known_to_others(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const DistributedError&) {
    return true;
  } catch (const SIGTERMException&) {
    return true;
  } catch (...) {
  }
  return false;
}

}  // namespace

std::exception_ptr DDPStrategy::leave_group(std::exception_ptr error) {
  if (alone() || world_size() == 1) return error;
  if (is_lost_connection(error)) {
    error = std::make_exception_ptr(
        DistributedError("a collective failed on rank " + std::to_string(global_rank()) + ": " + group_->explain_failure()));
  }
  if (is_known_to_others(error)) {
    group_->leave("");
  } else {
    // Before the others fail for this one's sake: the first error file is the cause.
    note_error(error);
    group_->leave(told(error));
  }
  return error;
}

// ---- names -------------------------------------------------------------------------------------------------------------------------------

std::shared_ptr<Strategy> strategy_named(const std::string& given) {
  std::string name = given;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "auto" || name == "single_device") return nullptr;
  if (name == "ddp" || name == "ddp_find_unused_parameters_false") return std::make_shared<DDPStrategy>();
  if (name == "ddp_find_unused_parameters_true") return std::make_shared<DDPStrategy>(DDPStrategyOptions{.find_unused_parameters = true});
  if (name == "ddp_zero1") return std::make_shared<DDPZero1Strategy>();
  if (name.starts_with("ddp_spawn") || name.starts_with("ddp_fork") || name.starts_with("ddp_notebook")) {
    throw ValueError("`Trainer(strategy='" + given + "')` starts its processes from within Python; a C++ program starts its ranks by running itself again. " +
                     "Use `strategy='ddp" + (name.ends_with("_true") ? "_find_unused_parameters_true" : "") + "'`.");
  }
  if (name.starts_with("fsdp")) {
    throw ValueError("The strategy `fsdp` requires a GPU accelerator, but received `accelerator='cpu'`. This version has neither; use "
                     "`strategy='ddp'`, or `strategy='ddp_zero1'` for optimizer states that are shared out.");
  }
  if (name.starts_with("deepspeed"))
    throw ValueError("`Trainer(strategy='" + given + "')`: DeepSpeed is a Python library. `strategy='ddp_zero1'` shares optimizer states out among the ranks.");
  throw ValueError("You selected an invalid strategy name: `strategy='" + given + "'`. It must be either a string or an instance of `Strategy`. " +
                   "Available names are: auto, ddp, ddp_find_unused_parameters_false, ddp_find_unused_parameters_true, ddp_zero1, single_device");
}

}  // namespace levin
