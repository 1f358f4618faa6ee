#pragma once
#include "levin/apps/launcher/rendezvous.h"
#include "levin/apps/launcher/restart_policy.h"
#include "levin/framework/base/launch/store_server.h"

namespace levin::launcher {

/// A job on one machine: nobody to wait for.
class OneNode final : public Rendezvous {
 public:
  /// OSError if the store's port can't be had.
  explicit OneNode(const Options& options);
  std::optional<World> join(SignalQueue& signals) override;
  bool settle(const Outcome& outcome, SignalQueue& signals) override;
  int exit_code() const override { return exit_code_; }

 private:
  const Options& options_;
  store::Server store_;
  RestartPolicy policy_;
  int round_ = 0, exit_code_ = 0;
  double delay_ = 0;
};

/// A signal that ends the job, if one has come.
std::optional<int> ending_signal(SignalQueue& signals);
/// Waits; false if a signal that ends the job came, whose exit code is then in `exit_code`.
bool rest(double seconds, SignalQueue& signals, int& exit_code);

}  // namespace levin::launcher
