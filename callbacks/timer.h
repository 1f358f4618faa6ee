#pragma once
#include <array>
#include <optional>
#include <string>
#include <variant>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"

namespace levin {

struct TimerOptions {
  /// A duration such as `std::chrono::hours(12)`, or text "DD:HH:MM:SS"; unset: only measures.
  std::optional<std::variant<std::string, Seconds>> duration = std::nullopt;
  /// When to look at the clock: "step" (after every batch) or "epoch".
  std::string interval = "step";
  /// Say when the time is over.
  bool verbose = true;
};
template <class V>
void fields(V&& f, TimerOptions& o) {
  f("duration", o.duration, "stop training after this much time, DD:HH:MM:SS; null: only measure");
  f("interval", o.interval, "look at the clock after every step or epoch");
  f("verbose", o.verbose, "say when the time is over");
}

/// Measures how long training, validation and tests take, and asks the run to stop when training has taken `duration`. Time of a
/// run that a checkpoint resumes counts. `min_epochs` and `min_steps` are respected.
///
/// Stages are "train", "validate", "test", "sanity_check" and "predict"; the last two are never measured, as in Lightning.
/// MisconfigurationException for a duration or an interval that makes no sense, ValueError for an unknown stage.
class LEVIN_API Timer : public Callback {
 public:
  using Options = TimerOptions;
  explicit Timer(Options options = {}, const Clock& clock = real_clock());
  bool is_timer() const override { return true; }

  /// Seconds of the clock when the stage last began and ended; none if it did not yet.
  std::optional<double> start_time(std::string_view stage = "train") const;
  std::optional<double> end_time(std::string_view stage = "train") const;
  /// Seconds that the stage took so far; for "train" with those before a resume.
  double time_elapsed(std::string_view stage = "train") const;
  /// `duration` less the time elapsed; none without a duration.
  std::optional<double> time_remaining(std::string_view stage = "train") const;

  void on_fit_start(Trainer& trainer, LightningModule& module) override;
  void on_train_start(Trainer& trainer, LightningModule& module) override;
  void on_train_end(Trainer& trainer, LightningModule& module) override;
  void on_validation_start(Trainer& trainer, LightningModule& module) override;
  void on_validation_end(Trainer& trainer, LightningModule& module) override;
  void on_test_start(Trainer& trainer, LightningModule& module) override;
  void on_test_end(Trainer& trainer, LightningModule& module) override;
  void on_train_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch,
                          std::int64_t batch_idx) override;
  void on_train_epoch_end(Trainer& trainer, LightningModule& module) override;
  /// {"time_elapsed": {"train": seconds, ...}}.
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  struct Span {
    std::optional<double> start, end;
  };
  static std::size_t index_of(std::string_view stage);
  void check(Trainer& trainer);

  Options options_;
  const Clock& clock_;
  std::optional<double> duration_;
  std::array<Span, 5> spans_;
  double offset_ = 0;
};

}  // namespace levin
