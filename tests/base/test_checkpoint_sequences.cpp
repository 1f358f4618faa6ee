// The small parts together, on a disk in memory: random metrics, kills between any two operations, resumes from `last`.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "levin/framework/base/decisions/checkpoint_policy.h"
#include "levin/framework/base/decisions/filename_template.h"
#include "support/catch.h"

using namespace levin;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

struct Killed {};

// What a file holds: the step after which the run goes on, the policy's state, and which process wrote it.
struct File {
  std::int64_t step = 0;
  Value state;
  int process = 0;
};
using Disk = std::map<std::string, File>;

// One process: ModelCheckpoint's calls in their order, every operation on the disk a moment at which it may be killed.
class Process {
 public:
  Process(int number, Disk& disk, const CheckpointPlan& plan, const std::vector<double>& metrics, int operations)
      : number_(number), disk_(disk), policy_(plan), metrics_(metrics), operations_(operations) {}

  void run() {
    std::int64_t first = 1;
    if (const auto last = disk_.find("/d/last.ckpt"); last != disk_.end()) {
      first = last->second.step + 1;
      resumed_from_ = last->second.step;
      policy_.load_state_dict(last->second.state, "/d");
    }
    for (auto step = first; step <= static_cast<std::int64_t>(metrics_.size()); ++step) save(step);
  }

 private:
  void operation() {
    if (operations_-- == 0) throw Killed();
  }
  // As with `ckpt_path="last"`: a file that this run had written after the point it goes on from, before it was killed, may be
  // written anew.
  bool taken(const std::string& path) const {
    const auto file = disk_.find(path);
    if (file == disk_.end()) return false;
    const bool of_abandoned_future = resumed_from_ >= 0 && !file->second.state.is_none() && file->second.step > resumed_from_ &&
                                     file->second.process != number_;
    return !of_abandoned_future;
  }
  std::string free_name(const std::string& stem, const std::string& exempt) const {
    return FilenameTemplate::first_free(
        [&](std::optional<std::int64_t> version) { return "/d/" + stem + (version ? "-v" + std::to_string(*version) : "") + ".ckpt"; },
        [&](const std::string& path) { return taken(path); }, exempt);
  }
  void write(const std::string& path, std::int64_t step) {
    operation();
    disk_[path] = {step, policy_.state_dict("/d"), number_};
    policy_.saved(step, path);
  }
  void remove(const std::string& previous, const std::string& current) {
    if (!may_remove(previous, current, "/d", std::nullopt)) return;
    operation();
    disk_.erase(previous);
  }
  void save(std::int64_t step) {
    const double metric = metrics_[static_cast<std::size_t>(step - 1)];
    TopK& top = policy_.top_k();
    if (top.admits({metric})) {
      const std::string path = free_name("v=" + std::to_string(std::isnan(metric) ? 0 : static_cast<int>(std::max(-9.0, std::min(9.0, metric)))),
                                         top.leaves());
      const std::string left = top.admit(path, {metric});
      write(path, step);
      remove(left, path);
    }
    const std::string path = free_name("last", policy_.last_model_path());
    const std::string before = policy_.move_last(path);
    write(path, step);
    remove(before, path);
  }

  int number_;
  Disk& disk_;
  CheckpointPolicy policy_;
  const std::vector<double>& metrics_;
  int operations_;
  std::int64_t resumed_from_ = -1;
};

// The model: which steps are kept, of a run that nothing interrupts.
std::multiset<std::int64_t> kept_steps(const std::vector<double>& metrics, std::size_t k, bool highest) {
  const double worst = highest ? -kInf : kInf;
  std::vector<std::pair<double, std::int64_t>> kept;
  const auto better = [&](double a, double b) { return highest ? a > b : a < b; };
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    auto worst_kept = kept.begin();
    for (auto it = kept.begin(); it != kept.end(); ++it)
      if (better(worst_kept->first, it->first)) worst_kept = it;
    if (kept.size() == k && !better(metrics[i], worst_kept->first)) continue;
    if (kept.size() == k) kept.erase(worst_kept);
    kept.emplace_back(std::isnan(metrics[i]) ? worst : metrics[i], static_cast<std::int64_t>(i + 1));
  }
  std::multiset<std::int64_t> steps{static_cast<std::int64_t>(metrics.size())};  // last
  for (const auto& [value, step] : kept) steps.insert(step);
  return steps;
}

}  // namespace

TEST_CASE("after any kills and resumes the disk holds what the model keeps, and nothing foreign was touched") {
  const char* given = std::getenv("LEVIN_LONG");
  const int sequences = given ? std::atoi(given) : 1000;
  const double values[] = {kNan, kInf, -kInf, 0.0, -0.0, 1, 1, 2, 3, -1, 5};
  std::mt19937 random(23);
  for (int sequence = 0; sequence < sequences; ++sequence) {
    const bool highest = random() % 2;
    const std::size_t k = 1 + random() % 3;
    std::vector<double> metrics(1 + random() % 12);
    for (double& metric : metrics) metric = values[random() % std::size(values)];
    const CheckpointPlan plan({.monitor = "v", .save_last = true, .save_top_k = static_cast<std::int64_t>(k), .mode = highest ? "max" : "min"});
    // Foreign files: same folder, same pattern; another folder.
    Disk disk{{"/d/v=7.ckpt", {}}, {"/d/v=1-v1.ckpt", {}}, {"/elsewhere/v=1.ckpt", {}}};
    const Disk foreign = disk;
    for (int life = static_cast<int>(random() % 6); life > 0; --life) {
      try {
        Process(life, disk, plan, metrics, static_cast<int>(random() % 12)).run();
      } catch (const Killed&) {
        // Without a `last` the next process is a new run, to which what lies there is foreign: it gets a folder of its own.
        if (!disk.contains("/d/last.ckpt")) disk = foreign;
      }
    }
    Process(0, disk, plan, metrics, std::numeric_limits<int>::max()).run();

    INFO("sequence " << sequence);
    std::multiset<std::int64_t> steps;
    for (const auto& [path, file] : disk) {
      if (foreign.contains(path)) REQUIRE(file.state.is_none());
      else steps.insert(file.step);
    }
    for (const auto& [path, file] : foreign) REQUIRE(disk.contains(path));
    REQUIRE(steps == kept_steps(metrics, k, highest));
  }
}
