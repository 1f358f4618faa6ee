#include "levin/callbacks/learning_rate_monitor.h"

#include <algorithm>
#include <set>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/callbacks/own_rows.h"
#include "levin/framework/logger.h"
#include "levin/framework/optim/optimizer.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

std::string name_of(const optim::Optimizer& optimizer, std::size_t group) {
  return optimizer.group_name(group).value_or("pg" + std::to_string(group + 1));
}

void check_names(const optim::Optimizer& optimizer, const std::string& name) {
  std::set<std::string> seen, twice;
  for (std::size_t i = 0; i < optimizer.group_count(); ++i)
    if (!seen.insert(name_of(optimizer, i)).second) twice.insert(name_of(optimizer, i));
  if (twice.empty()) return;
  std::string listed;
  for (const std::string& one : twice) listed += (listed.empty() ? "'" : ", '") + one + "'";
  throw MisconfigurationException("A single `Optimizer` cannot have multiple parameter groups with identical `name` values. " + name +
                                  " has duplicated parameter group names {" + listed + "}");
}

std::vector<std::string> group_names(const optim::Optimizer& optimizer, const std::string& name) {
  std::vector<std::string> out;
  const bool several = optimizer.group_count() > 1;
  for (std::size_t i = 0; i < optimizer.group_count(); ++i)
    out.push_back(several || optimizer.group_name(i) ? name + "/" + name_of(optimizer, i) : name);
  return out;
}

}  // namespace

LearningRateMonitor::LearningRateMonitor(Options options) : options_(std::move(options)) {
  if (options_.logging_interval && *options_.logging_interval != "step" && *options_.logging_interval != "epoch")
    throw MisconfigurationException("logging_interval should be `step` or `epoch` or `None`.");
}

// Schedulers first, then the optimizers that have none; several of one class are numbered.
std::vector<LearningRateMonitor::Source> LearningRateMonitor::sources(const Trainer& trainer) {
  std::vector<Source> out;
  std::map<std::string, int> of_class;
  const auto add = [&](optim::Optimizer& optimizer, const std::optional<std::string>& given, const std::string& interval) {
    std::string name = given.value_or(std::string("lr-") + optimizer.class_name());
    if (!given) ++of_class[optimizer.class_name()];
    check_names(optimizer, name);
    // As in Lightning: also a scheduler with a name of its own gets the number that the class has reached.
    if (const int count = of_class[optimizer.class_name()]; count > 1) name += "-" + std::to_string(count - 1);
    out.push_back({&optimizer, group_names(optimizer, name), interval});
  };
  for (const LRSchedulerConfig& config : trainer.lr_scheduler_configs()) add(config.scheduler->optimizer(), config.name, config.interval);
  for (const auto& optimizer : trainer.optimizers()) {
    const auto seen = [&](const Source& source) { return source.optimizer == optimizer.get(); };
    if (std::none_of(out.begin(), out.end(), seen)) add(*optimizer, std::nullopt, "");
  }
  return out;
}

void LearningRateMonitor::on_train_start(Trainer& trainer, LightningModule&) {
  if (trainer.loggers().empty())
    throw MisconfigurationException("Cannot use `LearningRateMonitor` callback with `Trainer` that has no logger.");
  const std::vector<Source> all = sources(trainer);
  lrs_.clear();
  last_momentum_values_.clear();
  last_weight_decay_values_.clear();
  for (const Source& source : all) {
    for (const std::string& name : source.names) {
      lrs_[name];
      last_momentum_values_[name + "-momentum"];
      last_weight_decay_values_[name + "-weight_decay"];
    }
  }
  // As in Lightning: one kind of momentum everywhere is enough, a mixture of both warns; optimizers without a scheduler count where none has one.
  std::vector<const optim::Optimizer*> asked;
  for (const LRSchedulerConfig& config : trainer.lr_scheduler_configs()) asked.push_back(&config.scheduler->optimizer());
  if (asked.empty())
    for (const auto& optimizer : trainer.optimizers()) asked.push_back(optimizer.get());
  const auto some_lack = [&](auto has) { return std::any_of(asked.begin(), asked.end(), [&](const optim::Optimizer* o) { return !has(*o); }); };
  if (options_.log_momentum && some_lack([](const optim::Optimizer& o) { return o.momentum(0).has_value(); }) &&
      some_lack([](const optim::Optimizer& o) { return o.betas(0).has_value(); })) {
    rank_zero_warn("You have set log_momentum=True, but some optimizers do not have momentum. This will log a value 0 for the momentum.");
  }
}

void LearningRateMonitor::on_train_batch_start(Trainer& trainer, LightningModule&, const Batch&, std::int64_t) {
  if (options_.logging_interval != "epoch" && own_rows::due(trainer)) log(trainer, "step");
}

void LearningRateMonitor::on_train_epoch_start(Trainer& trainer, LightningModule&) {
  if (options_.logging_interval != "step") log(trainer, "epoch");
}

void LearningRateMonitor::log(Trainer& trainer, const std::string& interval) {
  std::vector<std::pair<std::string, double>> stats;
  for (const Source& source : sources(trainer)) {
    remap(source.names);
    if (options_.logging_interval || source.interval.empty() || source.interval == interval) add_stats(source, stats);
  }
  std::vector<Metric> row;
  for (const auto& [name, value] : stats) {
    own_rows::set_callback_metric(trainer, name, value);
    row.push_back({name, value});
  }
  own_rows::log(trainer, row);
}

void LearningRateMonitor::add_stats(const Source& source, std::vector<std::pair<std::string, double>>& stats) {
  const optim::Optimizer& optimizer = *source.optimizer;
  for (std::size_t i = 0; i < source.names.size(); ++i) {
    const std::string& name = source.names[i];
    stats.emplace_back(name, optimizer.lr(i));
    lrs_[name].push_back(optimizer.lr(i));
    if (options_.log_momentum) {
      const auto betas = optimizer.betas(i);
      const double momentum = betas ? (*betas)[0] : optimizer.momentum(i).value_or(0.0);
      stats.emplace_back(name + "-momentum", momentum);
      last_momentum_values_[stats.back().first] = momentum;
    }
    if (options_.log_weight_decay) {
      const Dict group = optimizer.group_dict(i);
      const Value* decay = group.find("weight_decay");
      if (!decay) throw KeyError("'weight_decay': " + std::string(optimizer.class_name()) + " has none");
      stats.emplace_back(name + "-weight_decay", decay->number());
      last_weight_decay_values_[stats.back().first] = decay->number();
    }
  }
}

// An optimizer that got a second group: what was logged for the first goes on under its new name.
void LearningRateMonitor::remap(const std::vector<std::string>& names) {
  constexpr std::string_view first = "/pg1";
  for (const std::string& name : names) {
    const auto at = name.find(first);
    const auto old = at == name.npos ? lrs_.end() : lrs_.find(std::string(name).erase(at, first.size()));
    if (old != lrs_.end()) {
      lrs_[name] = std::move(old->second);
      lrs_.erase(old);
    } else {
      lrs_.try_emplace(name);
    }
  }
}

}  // namespace levin
