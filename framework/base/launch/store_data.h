#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/launch/store_protocol.h"

namespace levin::store {

/// The keys of a store and who waits for them; no sockets. A key whose first character is not "/" is
/// the launchers' own: ranks can't name it, don't see it, and it outlives `forget_ranks`.
class LEVIN_API Data {
 public:
  using Client = std::uint64_t;
  /// Gets an answer of the store for a client.
  using Send = std::function<void(Client, std::string_view)>;

  explicit Data(Send send) : send_(std::move(send)) {}

  /// Carries out one query of `client`, read from `in`; throws `Incomplete` before it changes
  /// anything, `ProtocolError` if there is no such query. True if it named a key of ranks.
  bool execute(Client client, Reader& in);
  /// The client is gone.
  void forget(Client client);
  /// Every key and queue of ranks.
  void forget_ranks();

 private:
  void set(const std::string& key, std::string value);
  const std::string& get(const std::string& key) const;
  bool has(const std::string& key) const;
  void add(Client client, const std::string& key, std::int64_t number);
  void compare_set(Client client, const std::string& key, const std::string& expected, std::string desired);
  void wait(Client client, const std::vector<std::string>& keys);
  void push(const std::string& key, std::string value);
  void pop(Client client, const std::string& key);
  void list(Client client);
  void wake(const std::string& key, bool only_one = false);

  template <class T>
  void answer(Client client, T number);
  void answer_text(Client client, std::string_view text);

  Send send_;
  std::map<std::string, std::string> values_;
  std::map<std::string, std::deque<std::string>> queues_;
  std::unordered_map<std::string, std::deque<Client>> waiting_;    // for a key, in the order they came
  std::unordered_map<Client, std::size_t> awaited_;                // how many keys a client lacks yet
};

}  // namespace levin::store
