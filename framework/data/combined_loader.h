#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/data/loaders.h"

namespace levin {

/// Several loaders as one: `lightning.pytorch.utilities.CombinedLoader`. A batch is the list of the loaders' batches (`batch[0]`), or
/// a dict of them (`batch["image"]`).
///
///     CombinedLoader({labelled, unlabelled}, "max_size_cycle")
///     CombinedLoader({{"labelled", a}, {"unlabelled", b}}, "max_size_cycle")
///
/// | mode | ends with | the others |
/// | --- | --- | --- |
/// | `min_size` | the shortest | are cut off |
/// | `max_size_cycle` | the longest | begin again, in another order if they shuffle |
/// | `max_size` | the longest | give none, `batch[i].is_none()` |
/// | `sequential` | the last | come one after the other; a batch is the loader's own, with its `dataloader_idx()` |
///
/// Several loaders given to `fit` are combined by `max_size_cycle`, those given to `validate`, `test` and `predict` are sequential.
/// `fit` refuses `sequential`, `predict` everything else.
class LEVIN_API CombinedLoader : public Loader {
 public:
  using Named = std::vector<std::pair<std::string, std::shared_ptr<Loader>>>;

  /// ValueError in Lightning's words for another mode.
  explicit CombinedLoader(Loaders iterables, const std::string& mode = "min_size");
  explicit CombinedLoader(const Named& iterables, const std::string& mode = "min_size");
  ~CombinedLoader() override;

  const std::string& mode() const { return mode_; }
  bool sequential() const { return mode_ == "sequential"; }
  /// The loaders, in order.
  const Loaders& flattened() const { return parts_; }
  /// The same combination of other loaders, as many as there are.
  std::shared_ptr<CombinedLoader> with(Loaders parts) const;
  /// How many batches it has when its loaders have these many; `unlimited` is one without end.
  std::int64_t size_of(const std::vector<std::int64_t>& sizes) const;

  std::optional<std::int64_t> size() const override;
  void set_epoch(std::int64_t epoch) override { epoch_ = epoch; }
  void start(std::int64_t first_batch = 0) override;
  bool next(Batch& out) override;
  std::int64_t position() const override { return position_; }
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;
  bool shuffles() const override;

 private:
  /// How far a loader is: how often it began again, and whether it came to an end.
  struct Part {
    std::int64_t cycle = 0;
    bool consumed = false;
  };
  void start_part(std::size_t i, std::int64_t first_batch);
  void start_sequential(std::int64_t first_batch);
  bool next_of(std::size_t i, Batch& out);
  bool next_sequential(Batch& out);

  Loaders parts_;
  std::vector<std::string> names_;  // none: a list
  std::string mode_;
  std::int64_t epoch_ = 0, position_ = 0;
  std::size_t current_ = 0;  // of sequential
  std::vector<Part> progress_;
  bool loaded_ = false, started_ = false;
};

/// The loaders of a collection, those inside a CombinedLoader one by one: `train_dataloader` and what samplers are put into.
LEVIN_API Loaders flattened(const Loaders& loaders);
/// The same collection with each loader of `flattened` replaced by what `change` makes of it (the loader itself, if nothing).
LEVIN_API Loaders with_each(const Loaders& loaders, const std::function<std::shared_ptr<Loader>(const std::shared_ptr<Loader>&)>& change);

}  // namespace levin
