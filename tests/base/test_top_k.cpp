#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "levin/framework/base/decisions/top_k.h"
#include "support/catch.h"

using namespace levin;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

std::vector<std::string> kept_after(TopK& top, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (top.admits({values[i]})) top.admit(std::to_string(i), {values[i]});
  std::vector<std::string> paths;
  for (const auto& [path, score] : top.best_k_models()) paths.push_back(path);
  return paths;
}

// The kept set, said independently: rows in order of admission, the first of the worst leaves;
// scores as "lower is better".
struct Model {
  std::size_t k;
  std::vector<std::pair<double, int>> rows;

  void offer(double score, int id) {
    auto worst = std::max_element(rows.begin(), rows.end(),
                                  [](auto& a, auto& b) { return a.first < b.first; });
    if (rows.size() == k) {
      if (std::isnan(score) || score >= worst->first) return;
      rows.erase(worst);
    }
    rows.emplace_back(std::isnan(score) ? kInf : score, id);
  }
  int best() const {
    auto least = std::min_element(rows.begin(), rows.end(),
                                  [](auto& a, auto& b) { return a.first < b.first; });
    return least->second;
  }
};

}  // namespace

TEST_CASE("a tie does not replace the kept checkpoint") {
  TopK top(1, MonitorMode::min);
  CHECK(kept_after(top, {1, 1, 1}) == std::vector<std::string>{"0"});
}

TEST_CASE("of several equally bad checkpoints the first one leaves") {
  TopK top(2, MonitorMode::min);
  CHECK(kept_after(top, {1, 1, 1, 0.5}) == std::vector<std::string>{"1", "3"});
  CHECK(top.best_model_path() == "3");
  CHECK(top.kth_best_model_path() == "1");
}

TEST_CASE("a NaN takes a free slot and is the first to leave") {
  TopK top(2, MonitorMode::min);
  CHECK(kept_after(top, {kNan, kNan, kNan, 3, 2}) == std::vector<std::string>{"3", "4"});
  TopK highest(1, MonitorMode::max);
  CHECK(kept_after(highest, {kNan}) == std::vector<std::string>{"0"});
  CHECK(highest.kth_value().value == -kInf);
}

TEST_CASE("save_top_k of 0 keeps none and of -1 keeps all") {
  TopK none(0, MonitorMode::min), all(-1, MonitorMode::min);
  CHECK(kept_after(none, {1, 2}).empty());
  CHECK(kept_after(all, {2, kNan, 3}).size() == 3);
  CHECK(all.kth_best_model_path() == "1");
  CHECK(all.places() == 3);
  CHECK(all.leaves().empty());
}

TEST_CASE("the same path again is one entry, and no k-th is named before there are k") {
  TopK top(2, MonitorMode::min);
  top.admit("m", {3});
  top.admit("m", {2});
  CHECK(top.best_k_models().size() == 1);
  CHECK(top.kth_best_model_path().empty());
  CHECK(top.best_model_score()->value == 2);
}

TEST_CASE("without a monitor the newest checkpoint replaces the one before if k is 1") {
  TopK one(1, MonitorMode::min), all(-1, MonitorMode::min);
  CHECK(one.replace_latest("a").empty());
  CHECK(one.replace_latest("b") == "a");
  CHECK(one.replace_latest("b").empty());
  all.replace_latest("a");
  CHECK(all.replace_latest("b").empty());
  CHECK(all.best_model_path() == "b");
}

TEST_CASE("the state comes back except for the current score") {
  TopK top(2, MonitorMode::max), other(2, MonitorMode::max);
  kept_after(top, {0.1, 0.3, 0.2});
  Value state, again;
  top.write_state(state);
  CHECK(state.at("best_k_models").size() == 2);
  CHECK(state.at("kth_value") == Value::scalar_tensor(0.2));
  other.read_state(state, false);
  CHECK_FALSE(other.current_score());
  other.write_state(again);
  again["current_score"] = state.at("current_score");
  CHECK(again == state);
}

TEST_CASE("random sequences keep what an independent model keeps") {
  const char* given = std::getenv("LEVIN_LONG");
  const int sequences = given ? std::atoi(given) : 2000;
  std::mt19937 random(11);
  const double values[] = {kNan, kInf, -kInf, 0.0, -0.0, 1, 1, 2, 3, -1, 0.5};
  for (int sequence = 0; sequence < sequences; ++sequence) {
    const bool highest = random() % 2;
    const std::size_t k = 1 + random() % 4;
    TopK top(static_cast<std::int64_t>(k), highest ? MonitorMode::max : MonitorMode::min);
    Model model{k, {}};
    for (int i = 0, n = 1 + static_cast<int>(random() % 14); i < n; ++i) {
      const double value = values[random() % std::size(values)];
      if (top.admits({value})) {
        const std::string expected = top.leaves();
        REQUIRE(top.admit(std::to_string(i), {value}) == expected);
      }
      model.offer(highest ? -value : value, i);
      std::vector<std::pair<double, int>> kept;
      for (const auto& [path, score] : top.best_k_models())
        kept.emplace_back(highest ? -score.value : score.value, std::stoi(path));
      REQUIRE(kept == model.rows);
      REQUIRE(top.best_model_path() == std::to_string(model.best()));
    }
  }
}
