#include "levin/framework/strategies/watcher.h"

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <algorithm>
#include <chrono>

#include "levin/framework/base/signal_flags.h"

namespace levin {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto period = 250ms;
/// Beats come every period; a machine that is busy may hold one back.
constexpr auto silence = 3s;
/// The same where nobody has failed yet as far as is known: a rank that is stopped for a moment must not end the run.
constexpr auto long_silence = 20s;

std::string key(const char* what, int rank) { return std::string(what) + "/" + std::to_string(rank); }
std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string names(const std::vector<int>& ranks) {
  std::string out = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i) out += (i ? ", " : "") + std::to_string(ranks[i]);
  return out;
}

}  // namespace

// A connection of its own: whoever waits in the store's other one holds its lock.
Watcher::Watcher(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size) : store_(store->clone()), rank_(rank), size_(size) {
  store_->setTimeout(2s);
  thread_ = std::thread([this] { watch(); });
}

Watcher::~Watcher() { stop(); }

void Watcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watcher::watch() {
  try {
    for (std::int64_t beat = 1;; ++beat) {
      store_->set(key("beat", rank_), bytes_of(std::to_string(beat) + " " + std::to_string(points_.load())));
      if (signals::terminated() && !told_) {
        store_->set("terminated", bytes_of(std::to_string(rank_)));
        told_ = true;
      }
      if (!peer_terminated() && store_->check({"terminated"})) peer_terminated_ = true;
      look_for_failure();
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, period, [this] { return stopping_; })) return;
    }
  } catch (const std::exception&) {
    // The store is gone: its owner is, and the next collective says so.
  }
}

void Watcher::on_failure(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  on_failure_ = std::move(call);
}

// Each rank listens to one other, so that the store has little to do; whoever notices a silence tells all.
void Watcher::look_for_failure() {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    if (failed() || !on_failure_) return;
    call = on_failure_;
  }
  if (!store_->check({"any_failed"})) {
    const std::string neighbour = key("beat", (rank_ + 1) % size_);
    const std::string beat = store_->check({neighbour}) ? text_of(store_->get(neighbour)) : "";
    const auto now = SteadyClock::now();
    if (beat.empty() || beat != neighbours_beat_) {
      neighbours_beat_ = beat;
      beat_seen_ = now;
    }
    if (now - beat_seen_ < long_silence) return;
    store_->set("any_failed", bytes_of(std::to_string((rank_ + 1) % size_)));
  }
  failed_ = true;
  call();
}

void Watcher::leave(const std::string& reason) noexcept {
  try {
    stop();
    store_->set("any_failed", bytes_of(std::to_string(rank_)));
    store_->set(key(reason.empty() ? "followed" : "failed", rank_), bytes_of(reason));
  } catch (const std::exception&) {
  }
}

std::string Watcher::reported_failure() {
  for (int rank = 0; rank < size_; ++rank) {
    if (rank == rank_ || !store_->check({key("failed", rank)})) continue;
    return "rank " + std::to_string(rank) + " failed: " + text_of(store_->get(key("failed", rank)));
  }
  return "";
}

std::vector<std::string> Watcher::beats() {
  std::vector<std::string> out;
  for (int rank = 0; rank < size_; ++rank) {
    const bool there = rank != rank_ && store_->check({key("beat", rank)});
    out.push_back(there ? text_of(store_->get(key("beat", rank))) : "");
  }
  return out;
}

// The ranks that have come to fewer points than others. By now each has stopped: it looks for a cause as this one does, or is late.
std::string Watcher::late(const std::vector<std::string>& beats) const {
  std::vector<std::int64_t> points;
  for (const std::string& beat : beats) points.push_back(beat.empty() ? points_.load() : std::stoll(beat.substr(beat.find(' '))));
  const std::int64_t most = *std::max_element(points.begin(), points.end());
  std::vector<int> late;
  for (int rank = 0; rank < size_; ++rank)
    if (points[static_cast<std::size_t>(rank)] < most) late.push_back(rank);
  if (late.empty()) return "";
  return names(late) + (late.size() == 1 ? " lives, but has not come to where the others wait for it" : " live, but have not come to where the others wait for them");
}

std::string Watcher::explain_failure() {
  try {
    const auto until = SteadyClock::now() + silence;
    const std::vector<std::string> before = beats();
    std::vector<bool> alive(static_cast<std::size_t>(size_));
    while (true) {
      if (const std::string reported = reported_failure(); !reported.empty()) return reported;
      // Another rank has found out already: ranks learn of a loss one after the other, and should not each look as long.
      if (store_->check({"explained"})) return text_of(store_->get("explained"));
      const std::vector<std::string> now = beats();
      for (int rank = 0; rank < size_; ++rank) {
        const auto r = static_cast<std::size_t>(rank);
        alive[r] = alive[r] || rank == rank_ || now[r] != before[r];
      }
      // Whoever follows another's failure has said so.
      std::vector<int> silent;
      for (int rank = 0; rank < size_; ++rank)
        if (!alive[static_cast<std::size_t>(rank)] && !store_->check({key("followed", rank)})) silent.push_back(rank);
      if (SteadyClock::now() >= until) {
        std::string found = silent.empty() ? late(now) : names(silent) + (silent.size() == 1 ? " is" : " are") + " gone, without a word";
        if (found.empty()) return "all ranks live, but their collectives failed";
        store_->set("explained", bytes_of(found));
        return found;
      }
      std::this_thread::sleep_for(100ms);
    }
  } catch (const std::exception&) {
    return rank_ == 0 ? "the launcher's store is gone" : "rank 0, or the launcher that has the store, is gone";
  }
}

}  // namespace levin
