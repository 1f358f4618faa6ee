#include "levin/framework/strategies/rendezvous.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "levin/framework/base/console.h"
#include "levin/framework/base/distributed/listener.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

using SteadyClock = std::chrono::steady_clock;
using StorePtr = c10::intrusive_ptr<c10d::Store>;

std::string place(const ClusterEnvironment& e) { return e.main_address + ":" + std::to_string(e.main_port); }

std::string seconds(std::chrono::milliseconds time) { return std::to_string(time.count() / 1000) + " s"; }

c10d::TCPStoreOptions store_options(const ClusterEnvironment& e, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(e.main_port);
  options.waitWorkers = false;
  options.timeout = timeout;
  if (e.global_rank != 0 || e.launcher_has_store) return options;
  options.isServer = true;
  options.masterListenFd = take_listener(e);
  return options;
}

StorePtr connect(const ClusterEnvironment& e, std::chrono::milliseconds timeout) {
  if (e.world_size == 1) return c10::make_intrusive<c10d::HashStore>();
  const auto wait = std::min<std::chrono::milliseconds>(timeout, std::chrono::minutes(5));
  try {
    return c10::make_intrusive<c10d::TCPStore>(e.main_address, store_options(e, wait));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw DistributedError("rank " + std::to_string(e.global_rank) + " of " + std::to_string(e.world_size) + " found no store at " + place(e) +
                           " within " + seconds(wait) + ": is rank 0 running, and does this machine reach that address? (" + error.what() + ")");
  }
}

// Connected once and never let go: another Trainer of this process meets the same ranks, and rank 0's store must outlive the others'
// last word.
StorePtr shared_store(const ClusterEnvironment& e, std::chrono::milliseconds timeout) {
  static std::mutex mutex;
  static auto* const stores = new std::map<std::string, StorePtr>;
  const std::lock_guard lock(mutex);
  StorePtr& store = (*stores)[e.world_size == 1 ? "alone" : place(e)];
  if (!store) store = connect(e, timeout);
  return store;
}

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }
std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string hello(int rank) { return "levin/hello/" + std::to_string(rank); }
std::string joined(const std::string& meeting, int rank) { return "levin/joined/" + meeting + "/" + std::to_string(rank); }

std::string random_word() {
  std::random_device device;
  return std::to_string(device()) + "-" + std::to_string(device());
}

// Answers whoever says hello with the meeting's number, until all have said that they heard it. An answer belongs to a word that its
// rank has just made up, so what an earlier meeting left in the store misleads nobody.
std::string call_meeting(c10d::Store& store, const ClusterEnvironment& e, std::chrono::milliseconds timeout) {
  const std::string meeting = std::to_string(store.add("levin/meetings", 1));
  std::vector<std::string> answered(static_cast<std::size_t>(e.world_size));
  const auto deadline = SteadyClock::now() + timeout;
  for (int next = 1; next < e.world_size;) {
    for (int rank = next; rank < e.world_size; ++rank) {
      if (!store.check({hello(rank)})) continue;
      const std::string word = text_of(store.get(hello(rank)));
      auto& last = answered[static_cast<std::size_t>(rank)];
      if (word == last) continue;
      store.set("levin/answer/" + word, bytes_of(meeting));
      last = word;
    }
    while (next < e.world_size && store.check({joined(meeting, next)})) ++next;
    if (next == e.world_size) break;
    if (SteadyClock::now() > deadline) {
      throw DistributedError("rank " + std::to_string(next) + " of " + std::to_string(e.world_size) + " did not come to " + place(e) + " within " +
                             seconds(timeout));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return meeting;
}

std::string join_meeting(c10d::Store& store, const ClusterEnvironment& e, std::chrono::milliseconds timeout) {
  const std::string word = random_word();
  store.set(hello(e.global_rank), bytes_of(word));
  try {
    store.wait({"levin/answer/" + word}, timeout);
  } catch (const std::exception&) {
    throw DistributedError("rank " + std::to_string(e.global_rank) + " waited " + seconds(timeout) + " at " + place(e) + " for rank 0, which did not come");
  }
  const std::string meeting = text_of(store.get("levin/answer/" + word));
  store.set(joined(meeting, e.global_rank), bytes_of("here"));
  return meeting;
}

bool all_on_this_machine(const ClusterEnvironment& e) { return e.local_world_size >= e.world_size; }

}  // namespace

StorePtr meet(const ClusterEnvironment& environment, std::chrono::milliseconds timeout) {
  const StorePtr store = shared_store(environment, timeout);
  const std::string meeting =
      environment.global_rank == 0 ? call_meeting(*store, environment, timeout) : join_meeting(*store, environment, timeout);
  return c10::make_intrusive<c10d::PrefixStore>("levin/" + meeting, store);
}

std::string own_address(const ClusterEnvironment& environment) {
  if (all_on_this_machine(environment)) return "127.0.0.1";
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(environment.main_address.c_str(), std::to_string(environment.main_port).c_str(), &hints, &found) != 0 || !found)
    throw DistributedError("MASTER_ADDR: no address is known for '" + environment.main_address + "'");
  // Connecting a datagram socket sends nothing; it tells which of our addresses would be used.
  const int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  const bool known = fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0 && getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0;
  char text[NI_MAXHOST] = "";
  if (known) getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  if (fd >= 0) close(fd);
  freeaddrinfo(found);
  if (!*text) throw DistributedError("this machine has no route to '" + environment.main_address + "' (MASTER_ADDR): " + std::strerror(errno));
  return text;
}

}  // namespace levin
