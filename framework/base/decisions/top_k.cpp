#include "levin/framework/base/decisions/top_k.h"

#include <algorithm>
#include <cmath>

namespace levin {
namespace {

const std::string kNobody;

auto position(auto& models, const std::string& path) {
  return std::find_if(models.begin(), models.end(),
                      [&](const auto& entry) { return entry.first == path; });
}

Value tensor_or_none(const std::optional<Score>& score) {
  return score ? score->tensor() : Value();
}

}  // namespace

TopK::TopK(std::int64_t k, MonitorMode mode)
    : k_(k), monitor_{.mode = mode}, kth_value_{.value = monitor_.worst()} {}

bool TopK::contains(const std::string& path) const {
  return position(models_, path) != models_.end();
}

std::size_t TopK::extreme(bool worst) const {
  std::size_t found = 0;
  for (std::size_t i = 1; i < models_.size(); ++i) {
    const double challenger = models_[i].second.value, holder = models_[found].second.value;
    if (worst ? monitor_.better(holder, challenger) : monitor_.better(challenger, holder))
      found = i;
  }
  return found;
}

std::int64_t TopK::places() const {
  return k_ == -1 ? static_cast<std::int64_t>(models_.size()) : k_;
}

bool TopK::admits(const Score& score) const {
  if (k_ == 0) return false;
  if (k_ == -1 || static_cast<std::int64_t>(models_.size()) < k_) return true;
  const auto kth = position(models_, kth_path_);
  return monitor_.better(score.value,
                         (kth != models_.end() ? *kth : models_[extreme(true)]).second.value);
}

const std::string& TopK::leaves() const {
  if (k_ <= 0 || static_cast<std::int64_t>(models_.size()) != k_) return kNobody;
  // A restored state may lack the k-th (it was saved with another k): then it is the worst.
  return contains(kth_path_) ? kth_path_ : models_[extreme(true)].first;
}

std::string TopK::admit(const std::string& path, Score score) {
  const std::string left = leaves();
  const auto k = k_ == -1 ? static_cast<std::int64_t>(models_.size()) + 1 : k_;
  if (!left.empty()) models_.erase(position(models_, left));
  if (std::isnan(score.value)) score = {.value = monitor_.worst()};
  current_score_ = score;
  if (const auto known = position(models_, path); known != models_.end())
    known->second = score;
  else
    models_.emplace_back(path, score);
  // As in Lightning: until there are k of them, no k-th is named.
  if (static_cast<std::int64_t>(models_.size()) == k) {
    const std::size_t worst = extreme(true);
    kth_path_ = models_[worst].first;
    kth_value_ = models_[worst].second;
  }
  const std::size_t best = extreme(false);
  best_path_ = models_[best].first;
  best_score_ = models_[best].second;
  return left;
}

std::string TopK::replace_latest(const std::string& path) {
  std::string before = std::exchange(best_path_, path);
  return k_ == 1 && before != path ? before : "";
}

void TopK::drop(const std::string& path) {
  if (const auto known = position(models_, path); known != models_.end()) models_.erase(known);
}

void TopK::write_state(Value& state) const {
  state["best_model_score"] = tensor_or_none(best_score_);
  state["best_model_path"] = best_path_;
  state["current_score"] = tensor_or_none(current_score_);
  Value models = Value::dict();
  for (const auto& [path, score] : models_) models[path] = score.tensor();
  state["best_k_models"] = models;
  state["kth_best_model_path"] = kth_path_;
  state["kth_value"] = kth_value_.tensor();
}

void TopK::read_state(const Value& state, bool best_path_only) {
  if (!best_path_only) {
    const Value& best = state.at("best_model_score");
    best_score_ = best.is_none() ? std::nullopt : std::optional(Score::from(best));
    if (const Value* path = state.find("kth_best_model_path")) kth_path_ = path->as_string();
    if (const Value* value = state.find("kth_value")) kth_value_ = Score::from(*value);
    if (const Value* models = state.find("best_k_models")) {
      models_.clear();
      for (const auto& [path, score] : models->as_dict())
        models_.emplace_back(path.as_string(), Score::from(score));
    }
  }
  best_path_ = state.at("best_model_path").as_string();
}

}  // namespace levin
