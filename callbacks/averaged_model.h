#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

class LightningModule;

/// The new average of one tensor, from its average so far, the current values, and how many were averaged.
using AvgFn = std::function<at::Tensor(const at::Tensor& averaged, const at::Tensor& current, std::int64_t num_averaged)>;
/// The same for all tensors of one device and type at once, in place.
using MultiAvgFn =
    std::function<void(const std::vector<at::Tensor>& averaged, const std::vector<at::Tensor>& current, std::int64_t num_averaged)>;

/// ValueError for both.
LEVIN_API void check_avg_fns(const AvgFn& avg_fn, const MultiAvgFn& multi_avg_fn);

/// All weights alike, torch's `get_swa_avg_fn`: `averaged + (current - averaged) / (num_averaged + 1)`.
LEVIN_API at::Tensor swa_avg_fn(const at::Tensor& averaged, const at::Tensor& current, std::int64_t num_averaged);
/// torch's `get_ema_avg_fn`: `decay * averaged + (1 - decay) * current`. ValueError for a decay outside [0, 1].
LEVIN_API AvgFn ema_avg_fn(double decay = 0.999);

/// Averages of a module's parameters and buffers: torch's AveragedModel. LibTorch's modules can't be copied, so it keeps tensors,
/// not a module. Tied weights stay tied, and count once. What a module registers later does not take part.
class LEVIN_API AveragedModel {
 public:
  /// A copy of the module's weights as they are. Without `device` they lie where the module's do; without functions they are averaged
  /// alike. With `use_buffers` buffers are averaged too, else copied at each update. ValueError for both functions.
  AveragedModel(const LightningModule& module, std::optional<at::Device> device = std::nullopt, AvgFn avg_fn = {},
                MultiAvgFn multi_avg_fn = {}, bool use_buffers = false);

  /// The first update copies, all others average. `with_buffers = false`: buffers stay as they were.
  void update_parameters(bool with_buffers = true);
  std::int64_t n_averaged() const { return n_averaged_; }
  /// Exchanges the module's values with the averages; copies the averages into the module.
  void swap();
  void copy_to_module() const { copy_to_module(average_.size()); }
  /// Leaves the module's buffers alone.
  void copy_parameters_to_module() const { copy_to_module(parameters_); }
  /// The average of the module's tensor of this name.
  const at::Tensor& operator[](const std::string& name) const { return average_[index_.at(name)]; }

  /// The module's `state_dict()` with the averages in the place of its tensors.
  Value module_state(const Value& state_dict) const;
  /// Takes such a state over. With `strict` a missing or an unknown name is a RuntimeError in torch's words, else it is passed over.
  void load_module_state(const Value& state, bool strict = true);
  /// {"n_averaged": tensor}: the rest of torch's state.
  Value averaging_state() const;
  void load_averaging_state(const Value& state);

 private:
  void copy_to_module(std::size_t count) const;
  void copy(std::size_t begin, std::size_t end);
  void update(std::size_t begin, std::size_t end);

  AvgFn avg_fn_;
  MultiAvgFn multi_avg_fn_;
  bool use_buffers_, alike_ = true;
  std::int64_t n_averaged_ = 0;
  // Parameters, then buffers; the module's own tensors and their averages.
  std::vector<at::Tensor> current_, average_;
  std::size_t parameters_ = 0;
  std::map<std::string, std::size_t> index_;
};

}  // namespace levin
