#include "levin/framework/base/distributed/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

std::mutex mutex;
int waiting_fd = -1, waiting_port = 0;

int bind_to(const char* host, int port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (getaddrinfo(host, std::to_string(port).c_str(), &hints, &found) != 0 || !found) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  int fd = -1;
  for (const addrinfo* a = found; a && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && (::bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 2048) != 0)) {
      const int error = errno;
      close(fd);
      fd = -1;
      errno = error;
    }
  }
  const int error = errno;
  freeaddrinfo(found);
  errno = error;
  return fd;
}

bool is_loopback_name(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

int open_socket(const ClusterEnvironment& e) {
  const bool others_elsewhere = e.local_world_size < e.world_size;
  int fd = -1;
  errno = EADDRNOTAVAIL;
  if (!(others_elsewhere && is_loopback_name(e.main_address))) fd = bind_to(e.main_address.c_str(), e.main_port);
  if (fd < 0 && errno == EADDRNOTAVAIL) fd = bind_to(nullptr, e.main_port);
  if (fd >= 0) return fd;
  throw OSError("rank 0 can't listen on " + e.main_address + ":" + std::to_string(e.main_port) + ": " + std::strerror(errno) +
                "; set MASTER_PORT to a port that is free");
}

int port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

}  // namespace

void open_listener(ClusterEnvironment& environment) {
  const int fd = open_socket(environment);
  environment.main_port = port_of(fd);
  const std::lock_guard lock(mutex);
  if (waiting_fd >= 0) close(waiting_fd);
  waiting_fd = fd;
  waiting_port = environment.main_port;
}

int take_listener(const ClusterEnvironment& environment) {
  {
    const std::lock_guard lock(mutex);
    if (waiting_fd >= 0 && waiting_port == environment.main_port) return std::exchange(waiting_fd, -1);
  }
  return open_socket(environment);
}

}  // namespace levin
