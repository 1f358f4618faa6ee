#include "levin/framework/base/launch/store_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/files.h"
#include "levin/framework/base/launch/store_protocol.h"

namespace levin::store {
namespace {

std::string query(Query kind) { return std::string(1, static_cast<char>(kind)); }

}  // namespace

Client::Client(const std::string& host, std::uint16_t port, double seconds)
    : fd_(sockets::connect_to(host, port, seconds)), where_(host + ":" + std::to_string(port)), seconds_(seconds) {
  std::string hello = query(Query::validate);
  put_number(hello, magic);
  send(hello);
}

void Client::set(std::string_view key, std::string_view value) {
  std::string out = query(Query::set);
  put_text(out, key);
  put_text(out, value);
  send(out);
}

std::string Client::get(std::string_view key) {
  std::string out = query(Query::get);
  put_text(out, key);
  send(out);
  return receive_text();
}

std::vector<std::string> Client::get_all(const std::vector<std::string>& keys) {
  std::string out = query(Query::multi_get);
  put_number<std::uint64_t>(out, keys.size());
  for (const auto& key : keys) put_text(out, key);
  send(out);
  std::vector<std::string> values;
  for (std::size_t i = 0; i < keys.size(); ++i) values.push_back(receive_text());
  return values;
}

std::int64_t Client::add(std::string_view key, std::int64_t number) {
  std::string out = query(Query::add);
  put_text(out, key);
  put_number(out, number);
  send(out);
  std::int64_t sum = 0;
  receive(reinterpret_cast<char*>(&sum), sizeof sum);
  return sum;
}

void Client::await(short events) {
  pollfd ready{fd_.get(), events, 0};
  const double left = end_ - real_clock().now();
  const int n = left > 0 ? ::poll(&ready, 1, static_cast<int>(left * 1000) + 1) : 0;
  if (n == 0) throw OSError("[Errno 110] Connection timed out: the store at " + where_ + " does not answer");
}

void Client::send(std::string_view bytes) {
  end_ = real_clock().now() + seconds_;
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    else if (errno == EAGAIN) await(POLLOUT);
    else if (errno != EINTR) throw_os_error(errno, where_);
  }
}

void Client::receive(char* out, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::recv(fd_.get(), out, size, MSG_DONTWAIT);
    if (n > 0) {
      out += n;
      size -= static_cast<std::size_t>(n);
    } else if (n == 0) throw_os_error(ECONNRESET, where_);
    else if (errno == EAGAIN) await(POLLIN);
    else if (errno != EINTR) throw_os_error(errno, where_);
  }
}

std::string Client::receive_text() {
  std::uint64_t size = 0;
  receive(reinterpret_cast<char*>(&size), sizeof size);
  if (size > longest_value) throw OSError("the store at " + where_ + " is no store of c10d's");
  std::string out(size, '\0');
  receive(out.data(), size);
  return out;
}

}  // namespace levin::store
