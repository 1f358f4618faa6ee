#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/console.h"
#include "levin/framework/base/progress_line.h"
#include "levin/framework/base/terminal.h"
#include "levin/framework/callback.h"

namespace levin {

struct TQDMProgressBarOptions {
  /// Redraw every n batches, and never more often than 10 times a second; 0 switches the bar off.
  std::int64_t refresh_rate = 1;
  /// Leave each epoch's line standing instead of drawing over it.
  bool leave = false;
};

template <class V>
void fields(V&& f, TQDMProgressBarOptions& o) {
  f("refresh_rate", o.refresh_rate, "redraw every n batches; 0: no bar");
  f("leave", o.leave, "leave each epoch's line standing");
}

/// The progress bar of a bare Trainer. On a terminal it is a live line per loop, as tqdm draws it; elsewhere one line per epoch.
/// Rank 0 only. Messages of levin are printed above it, whole.
class LEVIN_API TQDMProgressBar : public Callback, private LiveLine {
 public:
  using Options = TQDMProgressBarOptions;
  explicit TQDMProgressBar(Options options = {});
  ~TQDMProgressBar() override;
  bool is_progress_bar() const override { return true; }

  void setup(Trainer&, LightningModule&, std::string_view stage) override;
  void teardown(Trainer&, LightningModule&, std::string_view stage) override;
  void on_exception(Trainer&, LightningModule&, const std::exception&) override;
  void on_train_epoch_start(Trainer&, LightningModule&) override;
  void on_train_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_train_epoch_end(Trainer&, LightningModule&) override;
  void on_train_end(Trainer&, LightningModule&) override;
  void on_validation_start(Trainer&, LightningModule&) override;
  void on_validation_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_validation_end(Trainer&, LightningModule&) override;
  void on_test_start(Trainer&, LightningModule&) override;
  void on_test_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_test_end(Trainer&, LightningModule&) override;
  void on_predict_start(Trainer&, LightningModule&) override;
  void on_predict_batch_end(Trainer&, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) override;
  void on_predict_end(Trainer&, LightningModule&) override;

 private:
  struct Bar {
    std::string description;
    std::int64_t done = 0;
    std::optional<std::int64_t> total;
    double started = 0;
    std::vector<std::pair<std::string, std::string>> postfix;
  };
  void begin(std::optional<Bar>& bar, std::string description, std::optional<std::int64_t> total);
  void begin_evaluation(Trainer& trainer, const char* what, const std::vector<std::int64_t>& batches);
  void advance(Trainer& trainer, std::optional<Bar>& bar);
  void end_evaluation(Trainer& trainer, bool keep);
  void show_metrics(Trainer& trainer, Bar& bar);
  void draw();
  void close();
  std::string line(const Bar& bar, int columns) const;
  bool active() const { return enabled_ && options_.refresh_rate > 0; }

  void hide() override;
  void show() override;

  Options options_;
  bool enabled_ = false, on_terminal_ = false, drawn_ = false;
  std::optional<Bar> train_, evaluation_;
  std::unique_ptr<ProgressDisplay> display_;
  double last_drawn_ = -1;
};

}  // namespace levin
