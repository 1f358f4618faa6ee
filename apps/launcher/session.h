#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "levin/apps/launcher/leader.h"
#include "levin/apps/launcher/options.h"
#include "levin/apps/launcher/plan.h"
#include "levin/framework/base/launch/store_client.h"
#include "levin/framework/base/launch/store_server.h"

namespace levin::launcher {

/// This node's link to the job's store, kept by a thread of its own: it writes the record, reads the plan and, on the node that
/// hosts the store, leads. A store that does not answer never keeps the caller waiting.
class Session {
 public:
  /// Connects in the background. `server`: of the node that hosts the store, and so leads; else nullptr.
  Session(const Options& options, store::Server* server);
  /// On the leading node stays until the others have read the last plan, at most some seconds.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& id() const { return id_; }
  /// Becomes readable when plan or link have changed.
  int fd() const { return event_.get(); }
  void clear_event();

  /// The newest plan; nothing before the first.
  std::optional<Plan> plan() const;
  Record record() const;
  /// Changes the record; it is written at once.
  template <class Change>
  void change(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change(record_);
      ++changes_;
    }
    wake_.notify_all();
  }
  /// Waits until the newest change is in the store, at most `seconds`.
  void wait_written(double seconds);

  enum class Link { trying, up, cut, gone };
  /// up: the store answers. cut: it has not for too long. gone: its launcher has ended.
  Link link() const;
  /// What is wrong with the link.
  std::string link_error() const;

 private:
  void run();
  void exchange(store::Client& client);
  void lead(store::Client& client);
  bool connect(std::optional<store::Client>& client);
  void pause();
  void set_link(Link link, const std::string& error);
  void set_plan(const std::string& text);
  std::string key(const std::string& name) const { return "levin-run/" + options_.rdzv_id + "/" + name; }

  const Options& options_;
  store::Server* const server_;
  const std::string id_;
  const double keep_alive_, call_timeout_;
  std::unique_ptr<Leader> leader_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_, written_;
  Record record_;
  std::optional<Plan> plan_;
  Link link_ = Link::trying;
  std::string link_error_;
  std::uint64_t changes_ = 1, written_changes_ = 0;
  bool stop_ = false;

  // Of the thread.
  std::string own_key_, plan_text_, led_text_;
  double last_contact_ = -1;
  sockets::Descriptor event_;
  std::thread thread_;
};

}  // namespace levin::launcher
