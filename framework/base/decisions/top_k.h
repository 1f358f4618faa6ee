#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/decisions/monitor.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

/// The `save_top_k` best checkpoints: who is admitted, who must go, who is best.
///
/// As Lightning decides: comparison is strict, so a tie does not replace; of several equally bad
/// ones the first admitted goes; a NaN is never better, but takes a slot while there are free ones,
/// and counts as the worst number there is.
namespace levin {

class LEVIN_API TopK {
 public:
  /// `k` as `save_top_k`: -1 keeps all, 0 none.
  TopK(std::int64_t k, MonitorMode mode);

  /// Whether a checkpoint with this score is kept. With several ranks, all must agree before
  /// `admit`.
  bool admits(const Score& score) const;
  /// Who leaves when one more is admitted; "" if nobody. Its name is free for the new one.
  const std::string& leaves() const;
  /// Enters a checkpoint and returns who left ("" if nobody; delete its file only after the new one
  /// is written). A path that is there already gets the new score. Ask `admits` first.
  std::string admit(const std::string& path, Score score);
  /// Without a monitor there are no scores: `path` becomes the best. Returns who has to go: the one
  /// before if k is 1, else "".
  std::string replace_latest(const std::string& path);

  /// Forgets a file that a Retention let go; only with k = -1 are there any.
  void drop(const std::string& path);

  std::int64_t k() const { return k_; }
  /// k, or with k = -1 the number kept: Lightning's "as top 3".
  std::int64_t places() const;
  const std::vector<std::pair<std::string, Score>>& best_k_models() const { return models_; }
  const std::string& kth_best_model_path() const { return kth_path_; }
  const Score& kth_value() const { return kth_value_; }
  const std::string& best_model_path() const { return best_path_; }
  const std::optional<Score>& best_model_score() const { return best_score_; }
  const std::optional<Score>& current_score() const { return current_score_; }

  /// Writes best_model_score, best_model_path, current_score, best_k_models, kth_best_model_path
  /// and kth_value; scores are 0-dim tensors, a score that is not there is None.
  void write_state(Value& state) const;
  /// Takes them back, all but current_score. `best_path_only` for a run that has moved to another
  /// folder.
  void read_state(const Value& state, bool best_path_only);

 private:
  bool contains(const std::string& path) const;
  std::size_t extreme(bool worst) const;  // the first of the worst or best
  std::int64_t k_;
  Monitor monitor_;
  std::vector<std::pair<std::string, Score>> models_;  // in order of admission
  std::string kth_path_, best_path_;
  Score kth_value_;
  std::optional<Score> best_score_, current_score_;
};

}  // namespace levin
