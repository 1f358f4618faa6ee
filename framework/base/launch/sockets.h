#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"

/// The few calls on TCP sockets that launching takes. Errors are OSErrors that name host and port.
namespace levin::sockets {

/// A file descriptor that is closed with the object.
class LEVIN_API Descriptor {
 public:
  explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept;

 private:
  int fd_;
};

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
};

/// The addresses of a name, in the order in which they should be tried; "[::1]" may keep its brackets.
LEVIN_API std::vector<Address> resolve(const std::string& host, std::uint16_t port);
/// True if a name is this machine's own: one of its addresses belongs to an interface here.
LEVIN_API bool is_here(const std::string& host);
/// "10.0.0.3", "::1".
LEVIN_API std::string to_string(const Address& address);

/// Listens on the address of `host` and on no other. Port 0 takes a free one.
LEVIN_API Descriptor listen_on(const std::string& host, std::uint16_t port);
LEVIN_API std::uint16_t port_of(int listener);
/// One try on each address, at most `seconds` for all.
LEVIN_API Descriptor connect_to(const std::string& host, std::uint16_t port, double seconds);
/// This end's address, as the peer's machine can reach it.
LEVIN_API std::string own_address(int connected);

}  // namespace levin::sockets
