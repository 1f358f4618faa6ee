#pragma once
#include <memory>

#include "levin/apps/launcher/rendezvous.h"
#include "levin/apps/launcher/session.h"

namespace levin::launcher {

/// A job on several machines. One hosts the store at the endpoint and leads; see `Leader` for what it decides, and docs/launcher.md.
class ManyNodes final : public Rendezvous {
 public:
  /// OSError if this node has to host the store and can't.
  explicit ManyNodes(const Options& options);
  std::optional<World> join(SignalQueue& signals) override;
  int fd() const override { return session_->fd(); }
  std::optional<Ending> round_is_over(std::uint64_t saves, bool knows_saves) override;
  void tell(const Outcome& outcome) override;
  bool settle(const Outcome& outcome, SignalQueue& signals) override;
  int exit_code() const override { return exit_code_; }

 private:
  World enter(const Plan& plan, const Plan::Member& member);
  bool link_allows_more();
  /// Waits for news; false if a signal ends the job.
  bool wait(SignalQueue& signals);
  bool over(int exit_code, const std::string& why);

  const Options& options_;
  std::unique_ptr<store::Server> server_;  // on the node that leads
  std::unique_ptr<Session> session_;
  int round_ = -1;  // that runs here, or ran last
  int exit_code_ = 0;
};

}  // namespace levin::launcher
