#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "levin/framework/module/trainer_link.h"
#include "levin/framework/optim/optimizer.h"

namespace levin {

/// An optimizer as hooks and manual optimization get it. A `step` through it goes through the run's precision, calls
/// `on_before_optimizer_step` and is counted in `global_step`. The Trainer makes one for each optimizer of `configure_optimizers`.
class LEVIN_API LightningOptimizer {
 public:
  virtual ~LightningOptimizer();
  LightningOptimizer(const LightningOptimizer&) = delete;
  LightningOptimizer& operator=(const LightningOptimizer&) = delete;

  /// Calls the closure (if given), then the `on_before_optimizer_step` hooks, clips (automatic optimization), and steps. LBFGS does
  /// all of that but the step several times. Returns the closure's first loss; undefined without a closure.
  virtual at::Tensor step(const Closure& closure = {}) = 0;
  void zero_grad(bool set_to_none = true) { optimizer_.zero_grad(set_to_none); }

  /// While the result lives, only this optimizer's parameters require gradients (see `LightningModule::toggle_optimizer`). Without
  /// `sync_grad` backward leaves each rank its own gradients: for all but the last step of an accumulation.
  ///
  ///     const auto toggled = generator.toggle_model(/*sync_grad=*/last);
  [[nodiscard]] virtual std::shared_ptr<void> toggle_model(bool sync_grad = true) = 0;

  optim::Optimizer& optimizer() const { return optimizer_; }
  operator optim::Optimizer&() const { return optimizer_; }
  torch::optim::OptimizerParamGroup& param_groups(std::size_t group) { return optimizer_.param_groups().at(group); }
  Value state_dict() const { return optimizer_.state_dict(); }
  void load_state_dict(const Value& state) { optimizer_.load_state_dict(state); }

 protected:
  explicit LightningOptimizer(optim::Optimizer& optimizer) : optimizer_(optimizer) {}

 private:
  optim::Optimizer& optimizer_;
};

/// What `LightningModule::optimizers()` gives: one or several, in the order of `configure_optimizers`.
///
///     LightningOptimizer& opt = optimizers();             // where there is one
///     auto& generator = optimizers()[0];                  // of several
class LEVIN_API LightningOptimizers {
 public:
  LightningOptimizers() = default;
  explicit LightningOptimizers(std::vector<std::unique_ptr<LightningOptimizer>> items) : items_(std::move(items)) {}

  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  /// IndexError says how many there are.
  LightningOptimizer& operator[](std::size_t index) const;
  /// The only one; RuntimeError when there is none or more.
  operator LightningOptimizer&() const;

  /// `for (LightningOptimizer& optimizer : optimizers())`
  class Iterator;
  Iterator begin() const;
  Iterator end() const;

 private:
  using Items = std::vector<std::unique_ptr<LightningOptimizer>>;
  Items items_;
};

class LightningOptimizers::Iterator {
 public:
  explicit Iterator(Items::const_iterator at) : at_(at) {}
  LightningOptimizer& operator*() const { return **at_; }
  Iterator& operator++() { return ++at_, *this; }
  bool operator==(const Iterator&) const = default;

 private:
  Items::const_iterator at_;
};

inline LightningOptimizers::Iterator LightningOptimizers::begin() const { return Iterator(items_.begin()); }
inline LightningOptimizers::Iterator LightningOptimizers::end() const { return Iterator(items_.end()); }

}  // namespace levin
