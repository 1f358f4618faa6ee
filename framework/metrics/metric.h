#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

/// torchmetrics' metrics, under its names.
namespace levin::metrics {

/// One tensor of every rank, in the order of ranks; the tensor has one shape and type on all of them.
using AllGather = std::function<std::vector<at::Tensor>(const at::Tensor&)>;

/// How a state's values on several ranks (or of two batches) become one: "sum", "mean", "cat", "min", "max", a function of the
/// stacked values, or nothing, which leaves them stacked. ValueError for another word.
struct LEVIN_API DistReduceFx {
  using Function = std::function<at::Tensor(const at::Tensor& stacked)>;
  enum class Kind : std::uint8_t { none, sum, mean, cat, min, max, custom };
  DistReduceFx() = default;
  DistReduceFx(const char* name);
  DistReduceFx(Function custom) : kind(Kind::custom), function(std::move(custom)) {}
  Kind kind = Kind::none;
  Function function;
};

/// The base of all metrics, as `torchmetrics.Metric`: a state that `update` adds a batch to and `compute` makes a value of.
///
///     acc(logits, y);            // the batch's value, and the batch is added (`forward`)
///     acc.update(logits, y);     // adds the batch only; cheaper
///     acc.compute();             // the value over all batches, on all ranks
///     acc.reset();               // forgets them
///
/// A metric of one's own declares its states in the constructor and overrides `update_state` and `compute_value`:
///
///     class MeanBias final : public levin::metrics::Metric {
///      public:
///       MeanBias() {
///         add_state("total", total_, at::zeros({}), "sum");
///         add_state("count", count_, at::zeros({}, at::kLong), "sum");
///       }
///      protected:
///       void update_state(Inputs inputs) override {
///         const auto& [preds, target] = take<2>(inputs, "preds, target");
///         total_ += (preds - target).sum();
///         count_ += preds.numel();
///       }
///       at::Tensor compute_value() override { return total_ / count_; }
///      private:
///       at::Tensor total_, count_;
///     };
///
/// Metrics are held by `std::shared_ptr` and given to their module with `register_metric`, which moves them to its device, finds
/// them when they are logged, and keeps their states through a resume. Nothing is done under autograd but the batch value of
/// `forward`, which may be differentiated where gradients are on.
class LEVIN_API Metric {
 public:
  using Inputs = std::span<const at::Tensor>;

  Metric();
  virtual ~Metric();
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;

  /// Adds a batch. A number counts as a tensor without dimensions.
  void update(Inputs inputs);
  template <class... T>
  void update(const T&... inputs) {
    const at::Tensor tensors[] = {as_input(inputs)...};
    update(Inputs(tensors));
  }
  /// Adds a batch and returns its own value: what `log()` takes as the value of this step. Over this rank's batch, unless
  /// `dist_sync_on_step`.
  at::Tensor forward(Inputs inputs);
  template <class... T>
  at::Tensor forward(const T&... inputs) {
    const at::Tensor tensors[] = {as_input(inputs)...};
    return forward(Inputs(tensors));
  }
  template <class... T>
  at::Tensor operator()(const T&... inputs) { return forward(inputs...); }

  /// The value over everything since the last `reset`, on all ranks; kept until the next `update`. A warning when there was none.
  at::Tensor compute();
  /// Back to the states' defaults.
  void reset();

  /// torchmetrics' name of the class, such as "MulticlassAccuracy": a MetricCollection's key.
  virtual std::string name() const;
  /// Metrics with the same text here have the same states and update them alike, so that a MetricCollection updates them once;
  /// empty: this one shares with none.
  virtual std::string compute_group() const { return ""; }
  bool update_called() const { return update_count_ > 0; }
  /// Calls of `update` and `forward` since the last `reset`.
  std::int64_t update_count() const { return update_count_; }
  /// What the last `forward` returned; undefined after `reset`.
  const at::Tensor& forward_cache() const { return forward_cache_; }

  at::Device device() const { return device_; }
  /// Moves the states. Batches must be on the same device.
  virtual void to(at::Device device);

  // ---- Ranks -------------------------------------------------------------------------------------------------------------------
  /// How states are gathered; empty where there is one process. The Trainer sets it for registered metrics.
  AllGather dist_sync_fn;
  /// Whether `compute` gathers (the default), and whether `forward` does (costs a collective per step).
  bool sync_on_compute = true, dist_sync_on_step = false;
  /// Whether a computed value is kept until the next update.
  bool compute_with_cache = true;
  /// Replaces the states by those of all ranks, until `unsync`. `compute` does both.
  void sync();
  void unsync();
  bool is_synced() const { return is_synced_; }

  // ---- State -------------------------------------------------------------------------------------------------------------------
  /// Whether the states are part of the module's `state_dict`; they are not, unless asked for here or in `add_state`.
  void persistent(bool mode = false);
  /// The persistent states by name.
  Value state_dict() const;
  /// Takes what is there of the metric's states, persistent or not.
  void load_state_dict(const Value& state);
  /// Everything, for an exact resume. Tensors share memory with the states.
  Value resume_state() const;
  void load_resume_state(const Value& state);
  /// Takes over the states of a metric with the same ones; tensors are shared until either changes its own.
  void share_states_of(const Metric& other);
  std::vector<std::string> state_names() const;

 protected:
  /// Declares a state: `member` is set to `default_value`, at once and at every `reset`. ValueError for an undefined default.
  void add_state(std::string name, at::Tensor& member, at::Tensor default_value, DistReduceFx dist_reduce_fx = {},
                 bool persistent = false);
  /// A list that `update_state` appends tensors to; "cat" joins the ranks' lists along the first dimension.
  void add_state(std::string name, std::vector<at::Tensor>& member, DistReduceFx dist_reduce_fx = "cat", bool persistent = false);

  /// Adds one batch to the states.
  virtual void update_state(Inputs inputs) = 0;
  /// The value of the states as they are.
  virtual at::Tensor compute_value() = 0;
  /// Drops what a metric keeps of its batches beside the states; called by `reset`.
  virtual void forget() {}

  /// `const auto& [preds, target] = take<2>(inputs, "preds, target");` TypeError for another number of inputs.
  template <std::size_t N>
  const at::Tensor (&take(Inputs inputs, std::string_view names) const)[N] {
    check_count(inputs, N, N, names);
    return *reinterpret_cast<const at::Tensor(*)[N]>(inputs.data());
  }
  void check_count(Inputs inputs, std::size_t least, std::size_t most, std::string_view names) const;
  /// A list state as one tensor; ValueError "No samples to concatenate" for an empty one.
  static at::Tensor dim_zero_cat(const std::vector<at::Tensor>& list);
  /// Whether the value to compute is that of one batch, within `forward`.
  bool computes_batch() const { return in_forward_; }

  /// As in torchmetrics: true makes `forward` update twice, once for all and once for the batch. False is faster and right wherever
  /// the states of all batches are the reduction (`dist_reduce_fx`) of those of each; all metrics here set it.
  bool full_state_update = true;

 private:
  struct State;
  class BatchScope;
  struct Saved {
    at::Tensor tensor;
    std::vector<at::Tensor> list;
  };

  static const at::Tensor& as_input(const at::Tensor& tensor) { return tensor; }
  static at::Tensor as_input(double number);
  void run_update(Inputs inputs, bool with_grad);
  at::Tensor batch_value(Inputs inputs);
  std::vector<Saved> exchange_states(std::vector<Saved> states);
  std::vector<Saved> defaults() const;
  void merge_into(std::vector<Saved>& global);
  void gather_states();
  void put(State& state, const Value& value);

  std::vector<State> states_;
  std::vector<Saved> local_;  // while synced: this rank's own states
  at::Device device_;
  at::Tensor computed_, forward_cache_;
  std::int64_t update_count_ = 0;
  bool is_synced_ = false, in_forward_ = false;
};

}  // namespace levin::metrics
