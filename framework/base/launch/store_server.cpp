#include "levin/framework/base/launch/store_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "levin/framework/base/launch/sockets.h"
#include "levin/framework/base/launch/store_data.h"
#include "levin/framework/base/thread_without_signals.h"

namespace levin::store {
namespace {

using sockets::Descriptor;

constexpr std::size_t most_strangers = 256;              // connections that have not said the magic number
constexpr std::size_t most_unsent = 64 * 1024 * 1024;    // a client that never reads its answers
constexpr std::uint64_t listener_id = 0, wake_id = 1, first_client_id = 2;

struct Connection {
  Descriptor fd;
  std::string in, out;
  std::size_t needed = 1;  // bytes of `in` that the next try takes
  bool known = false;      // said the magic number
  bool of_rank = false;
  bool writing = false;    // epoll looks for room to write
  std::list<std::uint64_t>::iterator stranger;
};

}  // namespace

class Server::Loop {
 public:
  explicit Loop(Descriptor listener)
      : listener_(std::move(listener)), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN, listener_id);
    watch(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, wake_id);
    thread_ = thread_without_signals([this] { run(); });
  }

  ~Loop() {
    tell([this] { stop_ = true; });
    thread_.join();
  }

  void forget_ranks() {
    std::unique_lock lock(mutex_);
    const auto asked = ++forgets_asked_;
    lock.unlock();
    tell([] {});
    lock.lock();
    forgotten_.wait(lock, [&] { return forgets_done_ >= asked; });
  }

 private:
  template <class Change>
  void tell(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
  }

  void watch(int operation, int fd, std::uint32_t events, std::uint64_t id) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void run() {
    std::array<epoll_event, 64> events;
    for (;;) {
      const int n = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < n; ++i) {
        const std::uint64_t id = events[i].data.u64;
        if (id == listener_id) accept_some();
        else if (id == wake_id) {
          if (!obey()) return;
        } else serve(id, events[i].events);
      }
    }
  }

  // What other threads asked for; false: to end.
  bool obey() {
    std::uint64_t count;
    [[maybe_unused]] const auto n = ::read(wake_.get(), &count, sizeof count);
    const std::lock_guard lock(mutex_);
    if (stop_) return false;
    if (forgets_done_ == forgets_asked_) return true;
    for (auto i = clients_.begin(); i != clients_.end();) {
      const auto id = (i++)->first;
      if (clients_.at(id).of_rank) end(id);
    }
    data_.forget_ranks();
    forgets_done_ = forgets_asked_;
    forgotten_.notify_all();
    return true;
  }

  // Some at a time: a flood of strangers must not keep the others waiting.
  void accept_some() {
    for (int i = 0; i < 64; ++i) {
      Descriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd && (errno == EMFILE || errno == ENFILE) && !strangers_.empty()) {
        end(strangers_.front());
        continue;
      }
      if (!fd && (errno == EMFILE || errno == ENFILE)) {  // until some client goes
        watch(EPOLL_CTL_MOD, listener_.get(), 0, listener_id);
        deaf_ = true;
      }
      if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (!fd) return;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::uint64_t id = next_id_++;
      watch(EPOLL_CTL_ADD, fd.get(), EPOLLIN, id);
      Connection& client = clients_[id];
      client.fd = std::move(fd);
      client.stranger = strangers_.insert(strangers_.end(), id);
      if (strangers_.size() > most_strangers) end(strangers_.front());
    }
  }

  void serve(std::uint64_t id, std::uint32_t events) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;  // ended by an event before this one
    Connection& client = found->second;
    if (events & EPOLLOUT) flush(id, client);
    if (!clients_.contains(id) || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    std::array<char, 64 * 1024> buffer;
    const ssize_t n = ::recv(client.fd.get(), buffer.data(), client.known ? buffer.size() : 5 - client.in.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return end(id);
    client.in.append(buffer.data(), static_cast<std::size_t>(n));
    try {
      understand(id, client);
    } catch (const ProtocolError&) {
      end(id);
    }
  }

  // Carries out all whole queries that have come.
  void understand(std::uint64_t id, Connection& client) {
    if (!client.known && !greeted(client)) return;
    std::size_t done = 0;
    while (client.in.size() - done >= client.needed) {
      Reader reader(std::string_view(client.in).substr(done));
      try {
        client.of_rank |= data_.execute(id, reader);
        done += reader.used();
        client.needed = 1;
      } catch (const Incomplete& incomplete) {
        client.needed = incomplete.size;
      }
      if (!clients_.contains(id)) return;
    }
    client.in.erase(0, done);
  }

  bool greeted(Connection& client) {
    if (client.in.size() < 5) {
      if (static_cast<Query>(client.in[0]) != Query::validate) throw ProtocolError("a stranger");
      return false;
    }
    Reader reader(client.in);
    if (static_cast<Query>(reader.number<std::uint8_t>()) != Query::validate || reader.number<std::uint32_t>() != magic)
      throw ProtocolError("a stranger");
    client.in.erase(0, reader.used());
    client.known = true;
    strangers_.erase(client.stranger);
    return true;
  }

  void send(std::uint64_t id, std::string_view bytes) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    found->second.out += bytes;
    flush(id, found->second);
  }

  // Never ends the client: it may be in the midst of `understand`. The next event does.
  void flush(std::uint64_t id, Connection& client) {
    while (!client.out.empty()) {
      const ssize_t n = ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN && client.out.size() < most_unsent) break;
      if (n < 0) {
        client.out.clear();
        ::shutdown(client.fd.get(), SHUT_RDWR);
        break;
      }
      client.out.erase(0, static_cast<std::size_t>(n));
    }
    if (const bool writing = !client.out.empty(); writing != client.writing) {
      client.writing = writing;
      watch(EPOLL_CTL_MOD, client.fd.get(), writing ? EPOLLIN | EPOLLOUT : EPOLLIN, id);
    }
  }

  void end(std::uint64_t id) {
    const auto found = clients_.find(id);
    if (!found->second.known) strangers_.erase(found->second.stranger);
    data_.forget(id);
    clients_.erase(found);
    if (std::exchange(deaf_, false)) watch(EPOLL_CTL_MOD, listener_.get(), EPOLLIN, listener_id);
  }

  Descriptor listener_, epoll_, wake_;
  Data data_{[this](Data::Client client, std::string_view bytes) { send(client, bytes); }};
  std::unordered_map<std::uint64_t, Connection> clients_;
  std::list<std::uint64_t> strangers_;  // the oldest first
  std::uint64_t next_id_ = first_client_id;
  bool deaf_ = false;

  std::mutex mutex_;  // of what follows
  std::condition_variable forgotten_;
  std::uint64_t forgets_asked_ = 0, forgets_done_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

Server::Server(const std::string& host, std::uint16_t port) : host_(host) {
  Descriptor listener = sockets::listen_on(host, port);
  port_ = sockets::port_of(listener.get());
  loop_ = std::make_unique<Loop>(std::move(listener));
}

Server::~Server() = default;

void Server::forget_ranks() { loop_->forget_ranks(); }

}  // namespace levin::store
