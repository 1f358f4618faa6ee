#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "levin/framework/base/export.h"

namespace levin::store {

/// A key-value store that c10d's TCPStore clients of LibTorch 2.11 take for one of their own, without
/// LibTorch. A launcher hosts it, every rank is a client (`isServer = false`).
///
/// It listens on one address only and works in a thread of its own. Whoever connects and does not
/// speak the protocol is cut off; of those that say nothing only the latest few hundred are kept.
/// There is no authorisation: who reaches the port and speaks the protocol can read and write.
class LEVIN_API Server {
 public:
  /// Listens on the address of `host`; port 0 takes a free one. OSError if it can't.
  explicit Server(const std::string& host = "127.0.0.1", std::uint16_t port = 0);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& host() const { return host_; }
  std::uint16_t port() const { return port_; }

  /// Forgets all that ranks have written and cuts them off, so that the next attempt finds the store
  /// as the first one did. Done when it returns.
  void forget_ranks();

 private:
  class Loop;
  std::string host_;
  std::uint16_t port_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace levin::store
