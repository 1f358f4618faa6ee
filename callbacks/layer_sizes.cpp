#include "levin/callbacks/layer_sizes.h"

#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <optional>
#include <string_view>
#include <unordered_set>

#include "levin/framework/loops/module_mode.h"
#include "levin/framework/module/call.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/precision/precision.h"
#include "levin/framework/profilers/flop_counter.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

using torch::nn::Module;

std::string size_text(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.dim() == 0) return "?";
  std::string out = "[";
  for (std::int64_t i = 0; i < tensor.dim(); ++i) out += (i ? ", " : "") + std::to_string(tensor.size(i));
  return out + "]";
}

std::string size_text(const std::vector<at::Tensor>& tensors) {
  if (tensors.size() == 1) return size_text(tensors.front());
  std::string out;
  for (const at::Tensor& tensor : tensors) out += (out.empty() ? "[" : ", ") + size_text(tensor);
  return out.empty() ? "?" : out + "]";
}

template <class Conv>
bool pads_with_zeros(const Conv* conv) {
  return conv && std::holds_alternative<torch::enumtype::kZeros>(conv->options.padding_mode());
}

// Layers whose whole forward is one operator on the layer's weight: that operator's sizes are the layer's.
bool is_one_operator(const Module& module) {
  if (const auto* embedding = dynamic_cast<const torch::nn::EmbeddingImpl*>(&module)) return !embedding->options.max_norm();
  return dynamic_cast<const torch::nn::LinearImpl*>(&module) ||
         dynamic_cast<const torch::nn::LayerNormImpl*>(&module) || dynamic_cast<const torch::nn::BatchNorm1dImpl*>(&module) ||
         dynamic_cast<const torch::nn::BatchNorm2dImpl*>(&module) || dynamic_cast<const torch::nn::BatchNorm3dImpl*>(&module) ||
         pads_with_zeros(dynamic_cast<const torch::nn::Conv1dImpl*>(&module)) || pads_with_zeros(dynamic_cast<const torch::nn::Conv2dImpl*>(&module)) ||
         pads_with_zeros(dynamic_cast<const torch::nn::Conv3dImpl*>(&module));
}

class Observer final : public CallObserver {
 public:
  explicit Observer(LightningModule& module) { walk(module); }

  void enter(const Module& module, const std::vector<at::Tensor>& inputs) override { calls_.push_back({&module, size_text(inputs)}); }
  void leave(const Module& module, const at::Tensor& output) override {
    note(module, calls_.back().in, size_text(output));
    calls_.pop_back();
  }
  // As Lightning's hooks: the first call counts.
  void note(const Module& module, const std::string& in, const std::string& out) {
    if (noted_.insert(&module).second) sizes.layers[&module].in = in, sizes.layers[&module].out = out;
  }

  /// Whose parameter it is; of several that share it, an Embedding if it is looked up, else another one.
  const Module* owner(const at::Tensor& tensor, bool looked_up = false) const {
    if (!tensor.defined() || !tensor.has_storage()) return nullptr;
    const auto found = owners_.find(tensor.storage().unsafeGetStorageImpl());
    if (found == owners_.end()) return nullptr;
    for (const Module* module : found->second)
      if (looked_up == (dynamic_cast<const torch::nn::EmbeddingImpl*>(module) != nullptr)) return module;
    return found->second.front();
  }
  void count(const std::vector<at::Tensor>& inputs, std::int64_t flops) {
    const Module* called = calls_.empty() ? nullptr : calls_.back().module;
    for (const at::Tensor& input : inputs)
      if (const Module* by_weight = owner(input)) called = by_weight;
    for (; called; called = parents_.at(called)) sizes.layers[called].flops += flops;
  }

  LayerSizes sizes;

 private:
  void walk(const Module& module) {
    for (const auto& child : module.children()) {
      if (!parents_.try_emplace(child.get(), parents_.contains(&module) ? &module : nullptr).second) continue;
      for (const at::Tensor& parameter : child->parameters(/*recurse=*/false))
        if (parameter.defined() && parameter.has_storage()) owners_[parameter.storage().unsafeGetStorageImpl()].push_back(child.get());
      walk(*child);
    }
  }

  struct Call {
    const Module* module;
    std::string in;
  };
  std::vector<Call> calls_;
  std::unordered_map<const Module*, const Module*> parents_;  // null above the model's children
  std::unordered_map<const void*, std::vector<const Module*>> owners_;  // by storage
  std::unordered_set<const Module*> noted_;
};

// Stands in a Sequential in the place of one of its modules, and tells the observer; the first and the last tell the Sequential's own.
class ProbeImpl final : public Module {
 public:
  struct Whole {
    const Module* sequential;
    std::string in;
  };
  ProbeImpl(torch::nn::AnyModule module, Observer& observer, std::shared_ptr<Whole> whole, bool first, bool last)
      : module_(std::move(module)), observer_(observer), whole_(std::move(whole)), first_(first), last_(last) {}

  at::Tensor forward(at::Tensor input) {
    if (first_) whole_->in = size_text(input);
    observer_.enter(*module_.ptr(), {input});
    at::Tensor output;
    try {
      output = module_.forward<at::Tensor>(std::move(input));
    } catch (...) {
      observer_.leave(*module_.ptr(), {});
      throw;
    }
    observer_.leave(*module_.ptr(), output);
    if (last_) observer_.note(*whole_->sequential, whole_->in, size_text(output));
    return output;
  }

 private:
  torch::nn::AnyModule module_;
  Observer& observer_;
  std::shared_ptr<Whole> whole_;
  bool first_, last_;
};

// While it lives all modules of all Sequentials are probed.
class Probes {
 public:
  Probes(Module& module, Observer& observer) { add(module, observer); }
  ~Probes() {
    for (auto& [place, module] : replaced_) *place = module;
  }
  Probes(const Probes&) = delete;

 private:
  void add(Module& module, Observer& observer) {
    if (!seen_.insert(&module).second) return;
    if (auto* sequential = dynamic_cast<torch::nn::SequentialImpl*>(&module)) {
      const auto whole = std::make_shared<ProbeImpl::Whole>(ProbeImpl::Whole{sequential, ""});
      for (auto part = sequential->begin(); part != sequential->end(); ++part) {
        replaced_.emplace_back(&*part, *part);
        *part = torch::nn::AnyModule(std::make_shared<ProbeImpl>(*part, observer, whole, part == sequential->begin(), part + 1 == sequential->end()));
      }
    }
    for (const auto& child : module.children()) add(*child, observer);
  }
  std::vector<std::pair<torch::nn::AnyModule*, torch::nn::AnyModule>> replaced_;
  std::unordered_set<const Module*> seen_;
};

// Tells the observer of the outermost operators on a layer's own weight, while it lives.
class OperatorWatch {
 public:
  explicit OperatorWatch(Observer& observer) {
    observer_of_thread = &observer;
    inside = false;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(&enter, &leave).needsInputs(true).needsOutputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~OperatorWatch() {
    at::removeCallback(handle_);
    observer_of_thread = nullptr;
  }
  OperatorWatch(const OperatorWatch&) = delete;

 private:
  struct Call final : at::ObserverContext {
    const Module* module = nullptr;
    std::string in;
  };
  static std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& fn) {
    if (!observer_of_thread || inside) return nullptr;
    auto call = std::make_unique<Call>();
    const bool looked_up = std::string_view(fn.name()) == "aten::embedding";
    at::Tensor data;
    for (const c10::IValue& value : fn.inputs()) {
      if (!value.isTensor() || !value.toTensor().defined()) continue;
      if (const Module* module = observer_of_thread->owner(value.toTensor(), looked_up)) call->module = module;
      else if (!data.defined()) data = value.toTensor();
    }
    if (!call->module || !data.defined() || !is_one_operator(*call->module)) return nullptr;
    call->in = size_text(data);
    inside = true;
    return call;
  }
  static void leave(const at::RecordFunction& fn, at::ObserverContext* context) {
    if (!context || !observer_of_thread) return;
    inside = false;
    const auto& call = static_cast<const Call&>(*context);
    if (!fn.outputs().empty() && fn.outputs()[0].isTensor()) observer_of_thread->note(*call.module, call.in, size_text(fn.outputs()[0].toTensor()));
  }

  static thread_local Observer* observer_of_thread;
  static thread_local bool inside;
  at::CallbackHandle handle_;
};
thread_local Observer* OperatorWatch::observer_of_thread = nullptr;
thread_local bool OperatorWatch::inside = false;

}  // namespace

const LayerSizes::Layer& LayerSizes::operator[](const Module& module) const {
  static const Layer unknown;
  const auto found = layers.find(&module);
  return found == layers.end() ? unknown : found->second;
}

LayerSizes layer_sizes(LightningModule& module, const std::function<void()>& example) {
  const c10::AutoGradMode no_grad(false);
  struct EvalMode {
    LightningModule& module;
    ModuleMode before;
    explicit EvalMode(LightningModule& m) : module(m) {
      before.capture(module);
      module.eval();
    }
    ~EvalMode() { before.restore(module); }
  } const eval_mode(module);
  const auto observed = [&](bool probed) {
    Observer observer(module);
    std::optional<Probes> probes;
    if (probed) probes.emplace(module, observer);
    struct Set {
      CallObserver* before;
      ~Set() { CallObserver::set_current(before); }
    } const set{CallObserver::set_current(&observer)};
    const OperatorWatch operators(observer);
    const FlopCounter counter([&](const auto& inputs, std::int64_t flops) { observer.count(inputs, flops); });
    const auto context = module.is_attached() ? module.trainer().precision_plugin().forward_context() : nullptr;
    example();
    observer.sizes.total_flops = counter.total();
    return std::move(observer.sizes);
  };
  try {
    return observed(/*probed=*/true);
  } catch (const std::exception&) {
    // A Sequential of modules that pass on something other than one tensor. An error of the model's own comes again.
    return observed(/*probed=*/false);
  }
}

}  // namespace levin
