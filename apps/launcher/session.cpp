#include "levin/apps/launcher/session.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <random>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"

namespace levin::launcher {
namespace {

constexpr double linger = 5;  // seconds that the leader waits for others to read that the job is over

double now() { return real_clock().now(); }

std::string random_id() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 16; ++i) out += "0123456789abcdef"[random() % 16];
  return out;
}

bool says_refused(const std::string& error) {
  return error.find("[Errno " + std::to_string(ECONNREFUSED) + "]") != std::string::npos;
}

}  // namespace

Session::Session(const Options& options, store::Server* server)
    : options_(options),
      server_(server),
      id_(random_id()),
      keep_alive_(options.conf("keep_alive_interval", 5) * options.conf("keep_alive_max_attempt", 3)),
      call_timeout_(std::clamp(keep_alive_ / 3, 0.5, 5.0)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  record_.id = id_;
  record_.local_world_size = options.nproc_per_node;
  record_.node_rank = options.is_static() ? options.node_rank : -1;
  record_.role = options.role;
  record_.address = options.local_addr;
  if (server) leader_ = std::make_unique<Leader>(options, id_);
  thread_ = std::thread([this] { run(); });
}

Session::~Session() {
  if (link() == Link::up) {
    change([](Record& record) { record.status = Record::Status::left; });
    wait_written(1);
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Session::clear_event() {
  std::uint64_t count;
  [[maybe_unused]] const auto n = ::read(event_.get(), &count, sizeof count);
}

std::optional<Plan> Session::plan() const {
  const std::lock_guard lock(mutex_);
  return plan_;
}

Record Session::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

Session::Link Session::link() const {
  const std::lock_guard lock(mutex_);
  return link_;
}

std::string Session::link_error() const {
  const std::lock_guard lock(mutex_);
  return link_error_;
}

void Session::wait_written(double seconds) {
  std::unique_lock lock(mutex_);
  written_.wait_for(lock, std::chrono::duration<double>(seconds), [&, wanted = changes_] { return written_changes_ >= wanted; });
}

void Session::set_link(Link link, const std::string& error) {
  {
    const std::lock_guard lock(mutex_);
    link_error_ = error;
    if (link_ == link) return;
    link_ = link;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(event_.get(), &one, sizeof one);
}

void Session::set_plan(const std::string& text) {
  if (text.empty() || text == plan_text_) return;
  Plan plan = plan_from(text);
  plan_text_ = text;
  {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(plan);
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(event_.get(), &one, sizeof one);
}

void Session::run() {
  std::optional<store::Client> client;
  double stop_since = -1;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::duration<double>(options_.monitor_interval), [&] { return stop_ || written_changes_ != changes_; });
      if (stop_ && stop_since < 0) stop_since = now();
    }
    if (stop_since >= 0 && (!leader_ || leader_->is_alone(now()) || now() - stop_since > linger)) return;
    try {
      if (!client && !connect(client)) continue;
      exchange(*client);
      last_contact_ = now();
      set_link(Link::up, "");
    } catch (const Error& error) {  // also a plan that is none: the same as no answer
      client.reset();
      if (last_contact_ >= 0 && now() - last_contact_ > keep_alive_) set_link(Link::cut, error.what());
      pause();
    }
  }
}

// Between two tries.
void Session::pause() {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::chrono::milliseconds(200), [&] { return stop_; });
}

// False if the store can't be reached now.
bool Session::connect(std::optional<store::Client>& client) {
  try {
    client.emplace(options_.rdzv_endpoint.host == "localhost" ? "127.0.0.1" : options_.rdzv_endpoint.host,
                   server_ ? server_->port() : options_.rdzv_endpoint.port, call_timeout_);
    if (own_key_.empty()) own_key_ = key("node/" + std::to_string(client->add(key("nodes"), 1) - 1));
    const std::lock_guard lock(mutex_);
    if (record_.address.empty()) record_.address = client->own_address();
    return true;
  } catch (const Error& error) {
    client.reset();
    const bool was_there = last_contact_ >= 0;
    if (was_there && says_refused(error.what())) set_link(Link::gone, error.what());
    else if (was_there && now() - last_contact_ > keep_alive_) set_link(Link::cut, error.what());
    else set_link(link(), error.what());
    pause();
    return false;
  }
}

void Session::exchange(store::Client& client) {
  std::uint64_t changes;
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    ++record_.beat;
    changes = changes_;
    text = to_text(record_);
  }
  client.set(own_key_, text);
  if (leader_) lead(client);
  set_plan(client.get(key("plan")));
  {
    const std::lock_guard lock(mutex_);
    written_changes_ = changes;
  }
  written_.notify_all();
}

void Session::lead(store::Client& client) {
  const std::string count = client.get(key("nodes"));
  std::vector<std::string> keys;
  for (int n = std::atoi(count.c_str()), i = 0; i < n; ++i) keys.push_back(key("node/" + std::to_string(i)));
  std::vector<Record> records;
  for (const std::string& text : client.get_all(keys))
    if (!text.empty()) records.push_back(record_from(text));
  const bool was_running = plan().value_or(Plan{}).phase == Plan::Phase::running;
  const Plan& plan = leader_->update(records, now());
  const std::string text = to_text(plan);
  if (text == led_text_) return;
  // All ranks of the round before have ended: nobody reads what they wrote.
  if (plan.phase == Plan::Phase::running && !was_running) server_->forget_ranks();
  client.set(key("plan"), text);
  led_text_ = text;
}

}  // namespace levin::launcher
