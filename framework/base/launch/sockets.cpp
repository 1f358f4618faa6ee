#include "levin/framework/base/launch/sockets.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"

namespace levin::sockets {
namespace {

std::string bare(const std::string& host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2) : host;
}

[[noreturn]] void fail(const char* what, const std::string& host, std::uint16_t port, int error) {
  throw OSError("[Errno " + std::to_string(error) + "] " + std::strerror(error) + ": " + what + " " + host + ":" +
                std::to_string(port));
}

void set_flag(int fd, int level, int name, int value = 1) { ::setsockopt(fd, level, name, &value, sizeof value); }

bool same_host(const sockaddr* a, const sockaddr* b) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET)
    return std::memcmp(&reinterpret_cast<const sockaddr_in*>(a)->sin_addr, &reinterpret_cast<const sockaddr_in*>(b)->sin_addr, 4) == 0;
  return a->sa_family == AF_INET6 &&
         std::memcmp(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr, &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr, 16) == 0;
}

// The time that is left until `end`, for poll.
int milliseconds_until(double end) { return static_cast<int>(std::max(0.0, (end - real_clock().now()) * 1000)); }

// 0 once connected, else the error.
int connect_one(int fd, const Address& address, double end) {
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready{fd, POLLOUT, 0};
  int n;
  while ((n = ::poll(&ready, 1, milliseconds_until(end))) < 0 && errno == EINTR) {
  }
  if (n == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

int Descriptor::release() noexcept { return std::exchange(fd_, -1); }

std::vector<Address> resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int status = ::getaddrinfo(bare(host).c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) throw OSError("no address of '" + host + "' can be found: " + ::gai_strerror(status));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<Address> out;
  for (const addrinfo* i = found; i; i = i->ai_next) {
    Address address;
    std::memcpy(&address.storage, i->ai_addr, i->ai_addrlen);
    address.size = i->ai_addrlen;
    out.push_back(address);
  }
  return out;
}

bool is_here(const std::string& host) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, &::freeifaddrs);
  for (const Address& address : resolve(host, 0))
    for (const ifaddrs* i = all; i; i = i->ifa_next)
      if (i->ifa_addr && same_host(reinterpret_cast<const sockaddr*>(&address.storage), i->ifa_addr)) return true;
  return false;
}

std::string to_string(const Address& address) {
  char text[NI_MAXHOST] = "?";
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address.storage), address.size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return text;
}

Descriptor listen_on(const std::string& host, std::uint16_t port) {
  int error = EADDRNOTAVAIL;
  for (const Address& address : resolve(host, port)) {
    Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
      error = errno;
      continue;
    }
    set_flag(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0 &&
        ::listen(fd.get(), SOMAXCONN) == 0)
      return fd;
    error = errno;
  }
  fail("listening on", host, port, error);
}

std::uint16_t port_of(int listener) {
  Address own;
  own.size = sizeof own.storage;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&own.storage), &own.size);
  return ntohs(own.family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(own.storage).sin6_port
                                        : reinterpret_cast<const sockaddr_in&>(own.storage).sin_port);
}

Descriptor connect_to(const std::string& host, std::uint16_t port, double seconds) {
  const double end = real_clock().now() + seconds;
  int error = EADDRNOTAVAIL;
  for (const Address& address : resolve(host, port)) {
    Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) error = errno;
    else if ((error = connect_one(fd.get(), address, end)) == 0) {
      set_flag(fd.get(), IPPROTO_TCP, TCP_NODELAY);
      return fd;
    }
  }
  fail("connecting to", host, port, error);
}

std::string own_address(int connected) {
  Address own;
  own.size = sizeof own.storage;
  ::getsockname(connected, reinterpret_cast<sockaddr*>(&own.storage), &own.size);
  return to_string(own);
}

}  // namespace levin::sockets
