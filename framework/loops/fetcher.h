#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "levin/framework/data/loaders.h"
#include "levin/framework/loops/loop_options.h"
#include "levin/framework/module/batch.h"

namespace levin {

/// How many batches of a loader to take: its length under a limit. `stage` names the option in errors ("train").
/// MisconfigurationException in Lightning's words for a fraction that gives no batch, or of a loader without length.
std::int64_t number_of_batches(const Loader& loader, const BatchLimit& limit, const char* stage);

/// For `overfit_batches`: loaders with another order than the dataset's get that one, with Lightning's warning.
void without_shuffling(Loaders& loaders, const char* stage);

/// Warns, in Lightning's words, of evaluation loaders with a random order.
void warn_of_shuffling(const Loaders& loaders, const char* stage);

/// The loaders of an evaluation: those of a sequential CombinedLoader, which is what a list of loaders is.
Loaders one_by_one(Loaders loaders);

/// Takes batches from loaders, one loader after the other, each up to its limit, and knows the last one.
///
/// With known lengths it is known by counting; otherwise one batch is fetched ahead.
class Fetcher {
 public:
  struct Item {
    Batch batch;
    std::int64_t batch_idx = 0, dataloader_idx = 0;
  };

  /// Begins a pass; the first loader starts at batch `first`.
  void start(Loaders loaders, std::vector<std::int64_t> limits, std::int64_t first = 0);
  bool started() const { return started_; }
  /// The next batch; false when there is none.
  bool next(Item& item);
  /// The same as a profiled action, unless it is known that nothing is left.
  template <class Run>
  bool next(Run& run, const char* action, Item& item) {
    if (done_) return next(item);
    const auto profiled = run.profile(action);
    return next(item);
  }
  /// Whether the batch last returned was the last one.
  bool done() const { return done_; }
  /// Counts batches that a resumed run had already taken.
  void add_fetched(std::int64_t n) { fetched_ += n; }
  void stop();

 private:
  bool advance(Item& item);

  Loaders loaders_;
  std::vector<std::int64_t> limits_;
  std::optional<std::int64_t> length_;
  std::optional<Item> ahead_;
  std::int64_t fetched_ = 0, in_loader_ = 0, first_ = 0;
  std::size_t loader_ = 0;
  bool done_ = false, started_ = false, open_ = false;
};

}  // namespace levin
