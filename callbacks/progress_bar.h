#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/console.h"
#include "levin/framework/base/terminal.h"
#include "levin/framework/base/terminal_streams.h"
#include "levin/framework/callback.h"

namespace levin {

/// The base of progress bars: it follows the run and decides when to draw; a class of it says how a bar looks.
///
/// On a terminal (stdout) there is a line for the training and, while a validation runs, one below it; they are redrawn in place at
/// most ten times a second, as wide as the terminal is at that moment. Messages of levin, `print`, `std::cout` and `std::cerr` come
/// above them, whole, line by line; what writes to the terminal past these (printf, other processes) may tear them. Elsewhere (a
/// file, a pipe, TERM=dumb) there is a plain line per epoch of training, and per loader of validate, test and predict.
/// Rank 0 only. The terminal's settings are not touched, so there is nothing to put right after Ctrl-C or an error.
class LEVIN_API ProgressBar : public Callback, private LiveLine {
 public:
  ~ProgressBar() override;
  bool is_progress_bar() const override { return true; }

  /// Draws nothing from now on, or does so again from the next loop on.
  virtual void disable();
  virtual void enable();
  virtual bool is_enabled() const { return enabled_; }

  /// What stands behind the bar, in order: the loggers' version as `v_num`, and what was logged with `prog_bar`. Numbers,
  /// ints or texts. Override it to add to them or to take some away.
  virtual Dict get_metrics(Trainer&, LightningModule&);

  /// What the bars are called.
  virtual std::string sanity_check_description() const { return "Sanity Checking"; }
  virtual std::string train_description() const { return "Training"; }
  virtual std::string validation_description() const { return "Validation"; }
  virtual std::string test_description() const { return "Testing"; }
  virtual std::string predict_description() const { return "Predicting"; }

  void setup(Trainer&, LightningModule&, std::string_view stage) override;
  void teardown(Trainer&, LightningModule&, std::string_view stage) override;
  void on_exception(Trainer&, LightningModule&, const std::exception&) override;
  void on_train_epoch_start(Trainer&, LightningModule&) override;
  void on_train_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_train_epoch_end(Trainer&, LightningModule&) override;
  void on_train_end(Trainer&, LightningModule&) override;
  void on_validation_batch_start(Trainer&, LightningModule&, const Batch&, std::int64_t batch_idx) override;
  void on_validation_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_validation_end(Trainer&, LightningModule&) override;
  void on_test_batch_start(Trainer&, LightningModule&, const Batch&, std::int64_t batch_idx) override;
  void on_test_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_test_end(Trainer&, LightningModule&) override;
  void on_predict_batch_start(Trainer&, LightningModule&, const Batch&, std::int64_t batch_idx) override;
  void on_predict_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_predict_end(Trainer&, LightningModule&) override;

 protected:
  struct Bar {
    std::string description;
    std::int64_t done = 0;
    std::optional<std::int64_t> total;  ///< unset: not known
    double elapsed = 0;                 ///< seconds
    Dict metrics;                       ///< of `get_metrics`; empty for a bar that shows none
  };

  /// `leave`: each epoch's bar stays on the terminal.
  explicit ProgressBar(bool leave) : leave_(leave) {}
  /// Whether a bar may be drawn that is at batch `done` (from 1) of `total`.
  virtual bool is_due(std::int64_t done, std::optional<std::int64_t> total) const = 0;
  /// The line, no wider than `columns`; 0: in plain text as long as it gets.
  virtual std::string line(const Bar& bar, int columns) const = 0;
  virtual std::string epoch_description(const Trainer& trainer) const = 0;
  /// `description` is one of those above.
  virtual std::string loader_description(const std::string& description, std::int64_t dataloader_idx) const = 0;

 private:
  struct Running : Bar {
    double started = 0;
    std::atomic<std::int64_t> reached = 0;  // batches done: written without the lock
    std::int64_t dataloader_idx = -1;
    std::int64_t drawn_at = 0, next_look = 0, stride = 0;  // batches; looking at the clock after each would cost a small step much
  };
  std::optional<std::int64_t> train_total(const Trainer& trainer) const;
  void begin(std::optional<Running>& bar, std::string description, std::optional<std::int64_t> total);
  void evaluate(const std::string& description, const Batch& batch, const std::vector<std::int64_t>& totals);
  void evaluated(Trainer&, LightningModule&, std::int64_t batch_idx);
  void end_evaluation(Trainer&, LightningModule&, bool stays);
  void advance(Trainer&, LightningModule&, Running& bar, std::int64_t done);
  void draw();
  bool may_draw() const;
  void close();
  std::string line_now(Running& bar, int columns) const;

  void hide() override;
  void show() override;

  // A message of any thread draws, so what is drawn changes under the console's lock. A batch that draws nothing needs none.
  const bool leave_;
  bool enabled_ = true, on_terminal_ = false;
  std::optional<Running> train_, evaluation_;
  std::unique_ptr<ProgressDisplay> display_;
  std::unique_ptr<TerminalStreams> streams_;
  std::atomic<bool> evaluation_drawn_ = false;
  double last_drawn_ = -1;
};

}  // namespace levin
