#include "levin/callbacks/base_finetuning.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "levin/callbacks/batch_norm.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/optimizer.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

void collect(torch::nn::Module& module, std::unordered_set<torch::nn::Module*>& seen, std::vector<torch::nn::Module*>& out) {
  if (!seen.insert(&module).second) return;
  const auto children = module.children();
  const auto own = module.parameters(/*recurse=*/false);
  if (children.empty() || !own.empty()) out.push_back(&module);
  for (const auto& child : children) collect(*child, seen, out);
}

std::unordered_map<const void*, std::string> names_of(const LightningModule& module) {
  std::unordered_map<const void*, std::string> out;
  for (const auto& item : module.named_parameters()) out[item.value().unsafeGetTensorImpl()] = item.key();
  return out;
}

std::map<std::string, std::shared_ptr<torch::nn::Module>> norms_of(const LightningModule& module) {
  std::map<std::string, std::shared_ptr<torch::nn::Module>> out;
  for (const auto& item : module.named_modules("", /*include_self=*/false))
    if (batch_norm::is(*item.value())) out[item.key()] = item.value();
  return out;
}

bool contains(const Value& names, const std::string& name) {
  return std::find(names.items().begin(), names.items().end(), Value(name)) != names.items().end();
}

}  // namespace

BaseFinetuning::BaseFinetuning() : metadata_(Value::dict()) {}
BaseFinetuning::~BaseFinetuning() = default;

void BaseFinetuning::freeze_before_training(LightningModule&) {
  throw NotImplementedError("override `freeze_before_training` with what is frozen at the beginning");
}
void BaseFinetuning::finetune_function(LightningModule&, std::int64_t, optim::Optimizer&) {
  throw NotImplementedError("override `finetune_function` with what is unfrozen when");
}

std::vector<torch::nn::Module*> BaseFinetuning::flatten_modules(const Modules& modules) {
  std::vector<torch::nn::Module*> out;
  std::unordered_set<torch::nn::Module*> seen;
  for (torch::nn::Module* module : modules.list) collect(*module, seen, out);
  return out;
}

std::vector<at::Tensor> BaseFinetuning::filter_params(const Modules& modules, bool train_bn, bool requires_grad) {
  std::vector<at::Tensor> out;
  for (const torch::nn::Module* module : flatten_modules(modules)) {
    if (!train_bn && batch_norm::is(*module)) continue;
    for (const at::Tensor& parameter : module->parameters(/*recurse=*/false))
      if (parameter.requires_grad() == requires_grad) out.push_back(parameter);
  }
  return out;
}

void BaseFinetuning::make_trainable(const Modules& modules) {
  for (torch::nn::Module* module : flatten_modules(modules)) {
    release_statistics(*module);
    for (at::Tensor& parameter : module->parameters(/*recurse=*/false)) parameter.set_requires_grad(true);
  }
}

// Lightning switches `track_running_stats` off, which in C++ would still change the statistics, and use a batch's own in evaluation. A
// momentum of 0 does what is meant.
void BaseFinetuning::hold_statistics(torch::nn::Module& module) {
  if (const auto [place, is_new] = frozen_momenta_.try_emplace(module.weak_from_this()); is_new)
    place->second = std::exchange(batch_norm::momentum(module), 0.0);
}

void BaseFinetuning::release_statistics(torch::nn::Module& module) {
  const auto frozen = frozen_momenta_.find(module.weak_from_this());
  if (frozen == frozen_momenta_.end()) return;
  batch_norm::momentum(module) = frozen->second;
  frozen_momenta_.erase(frozen);
}

void BaseFinetuning::freeze_module(torch::nn::Module& module) {
  if (batch_norm::is(module)) hold_statistics(module);
  for (at::Tensor& parameter : module.parameters(/*recurse=*/false)) parameter.set_requires_grad(false);
}

void BaseFinetuning::freeze(const Modules& modules, bool train_bn) {
  for (torch::nn::Module* module : flatten_modules(modules)) {
    if (train_bn && batch_norm::is(*module)) make_trainable(*module);
    else freeze_module(*module);
  }
}

std::vector<at::Tensor> BaseFinetuning::filter_on_optimizer(const optim::Optimizer& optimizer, const std::vector<at::Tensor>& params) {
  std::unordered_set<const void*> there;
  for (const auto& group : optimizer.param_groups())
    for (const at::Tensor& parameter : group.params()) there.insert(parameter.unsafeGetTensorImpl());
  std::vector<at::Tensor> out;
  std::copy_if(params.begin(), params.end(), std::back_inserter(out), [&](const at::Tensor& p) { return !there.contains(p.unsafeGetTensorImpl()); });
  if (out.size() < params.size()) {
    rank_zero_warn("The provided params to be frozen already exist within another group of this optimizer. Those parameters will be skipped.\n"
                   "HINT: Did you init your optimizer in `configure_optimizer` with those parameters only that require gradients?");
  }
  return out;
}

void BaseFinetuning::unfreeze_and_add_param_group(const Modules& modules, optim::Optimizer& optimizer, std::optional<double> lr,
                                                  double initial_denom_lr, bool train_bn) {
  make_trainable(modules);
  const auto params = filter_on_optimizer(optimizer, filter_params(modules, train_bn, /*requires_grad=*/true));
  if (!params.empty()) optimizer.add_param_group({.params = params, .lr = lr ? *lr : optimizer.lr(0) / initial_denom_lr});
}

void BaseFinetuning::setup(Trainer&, LightningModule& module, std::string_view) {
  module_ = &module;
  std::erase_if(frozen_momenta_, [](const auto& item) { return item.first.expired(); });
  freeze_before_training(module);
}

void BaseFinetuning::on_fit_start(Trainer& trainer, LightningModule& module) {
  if (!std::exchange(restarting_, false)) return;
  std::map<std::string, at::Tensor> parameters;
  for (const auto& item : module.named_parameters()) parameters[item.key()] = item.value();
  for (std::size_t i = 0; i < trainer.optimizers().size(); ++i) {
    const Value* groups = metadata_.as_dict().find(Value(i));
    if (!groups) continue;
    std::vector<std::pair<Dict, std::vector<at::Tensor>>> restored;
    for (const Value& group : groups->items()) {
      auto& [options, params] = restored.emplace_back(group.as_dict(), std::vector<at::Tensor>());
      options.erase("params");
      for (const Value& name : group.at("params").items()) {
        const auto found = parameters.find(name.as_string());
        if (found == parameters.end()) throw KeyError("'" + name.as_string() + "': the checkpoint's optimizer trains a parameter that this model does not have");
        params.push_back(found->second);
      }
    }
    trainer.optimizers()[i]->set_param_groups(std::move(restored));
  }
  if (frozen_.is_none()) return;
  const Value frozen = std::exchange(frozen_, Value());
  for (auto& [name, parameter] : parameters) parameter.set_requires_grad(!contains(frozen.at("frozen"), name));
  for (const auto& [name, norm] : norms_of(module)) {
    if (contains(frozen.at("frozen_norms"), name)) hold_statistics(*norm);
    else release_statistics(*norm);
  }
}

void BaseFinetuning::on_train_epoch_start(Trainer& trainer, LightningModule& module) {
  for (std::size_t i = 0; i < trainer.optimizers().size(); ++i) {
    optim::Optimizer& optimizer = *trainer.optimizers()[i];
    const std::size_t before = optimizer.group_count();
    finetune_function(module, trainer.current_epoch(), optimizer);
    store(module, static_cast<std::int64_t>(i), optimizer, before);
  }
}

void BaseFinetuning::store(const LightningModule& module, std::int64_t opt_idx, const optim::Optimizer& optimizer, std::size_t groups_before) {
  const Value* known = metadata_.as_dict().find(Value(opt_idx));
  if (known && groups_before == optimizer.group_count()) return;
  const auto names = names_of(module);
  Value groups = known ? *known : Value::list();
  for (std::size_t i = known ? groups_before : 0; i < optimizer.group_count(); ++i) {
    Dict group = optimizer.group_dict(i);
    List params;
    for (const at::Tensor& parameter : optimizer.param_groups()[i].params()) params.emplace_back(names.at(parameter.unsafeGetTensorImpl()));
    group["params"] = Value::list(std::move(params));
    groups.push_back(std::move(group));
  }
  metadata_.as_dict().set(opt_idx, groups);
}

Value BaseFinetuning::state_dict() const { return Dict{{"internal_optimizer_metadata", metadata_.clone()}}; }

void BaseFinetuning::load_state_dict(const Value& state) {
  restarting_ = true;
  const Value* metadata = state.find("internal_optimizer_metadata");
  metadata_ = metadata ? *metadata : state;  // files older than 1.5 have nothing around it
}

Value BaseFinetuning::resume_state() const {
  if (!module_) return {};
  Value frozen = Value::list();
  for (const auto& item : module_->named_parameters())
    if (!item.value().requires_grad()) frozen.push_back(item.key());
  Value norms = Value::list();
  for (const auto& [name, norm] : norms_of(*module_))
    if (frozen_momenta_.contains(norm)) norms.push_back(name);
  return Dict{{"frozen", frozen}, {"frozen_norms", norms}};
}

void BaseFinetuning::load_resume_state(const Value& state) { frozen_ = state; }

}  // namespace levin
