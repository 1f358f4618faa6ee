#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/launch/sockets.h"

namespace levin::store {

/// A launcher's own connection to a store, ours or c10d's. Keys are taken as they are; ranks' keys
/// begin with "/". Every call is over within `seconds`, or throws an OSError; after one the connection
/// is of no more use. Not for several threads at once.
class LEVIN_API Client {
 public:
  Client(const std::string& host, std::uint16_t port, double seconds);

  void set(std::string_view key, std::string_view value);
  /// "" if there is no such key.
  std::string get(std::string_view key);
  std::vector<std::string> get_all(const std::vector<std::string>& keys);
  std::int64_t add(std::string_view key, std::int64_t number);
  /// This end's address.
  std::string own_address() const { return sockets::own_address(fd_.get()); }

 private:
  void send(std::string_view bytes);
  void receive(char* out, std::size_t size);
  std::string receive_text();
  void await(short events);

  sockets::Descriptor fd_;
  std::string where_;
  double seconds_;
  double end_ = 0;  // of the call that is under way
};

}  // namespace levin::store
