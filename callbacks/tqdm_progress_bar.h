#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "levin/callbacks/progress_bar.h"

namespace levin {

struct TQDMProgressBarOptions {
  /// Redraw every n batches, and never more often than 10 times a second; 0 switches the bar off. The environment's
  /// TQDM_MINITERS raises it.
  std::int64_t refresh_rate = 1;
  /// Leave each epoch's line standing instead of drawing over it.
  bool leave = false;
};

template <class V>
void fields(V&& f, TQDMProgressBarOptions& o) {
  f("refresh_rate", o.refresh_rate, "redraw every n batches; 0: no bar");
  f("leave", o.leave, "leave each epoch's line standing");
}

/// The progress bar of a bare Trainer, as tqdm draws it:
/// `Epoch 3:  50%|█████     | 32/64 [00:01<00:01, 25.60it/s, v_num=0, train_loss=0.500]`.
class LEVIN_API TQDMProgressBar : public ProgressBar {
 public:
  using Options = TQDMProgressBarOptions;
  explicit TQDMProgressBar(Options options = {});

  std::int64_t refresh_rate() const { return refresh_rate_; }
  bool is_enabled() const override { return refresh_rate_ > 0 && ProgressBar::is_enabled(); }

 protected:
  bool is_due(std::int64_t done, std::optional<std::int64_t> total) const override;
  std::string line(const Bar& bar, int columns) const override;
  /// "Epoch 3".
  std::string epoch_description(const Trainer& trainer) const override;
  /// "Validation DataLoader 0".
  std::string loader_description(const std::string& description, std::int64_t dataloader_idx) const override;

 private:
  std::int64_t refresh_rate_;
};

}  // namespace levin
