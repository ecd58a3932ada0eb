// Sockets over the system's calls. All are non-blocking; waiting is done by poll, which has a time limit.
#include "net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "env/file_descriptor.h"

namespace weir {
namespace {

constexpr int kBacklog = 512;

std::string ErrorText(int error) { return std::strerror(error); }

bool WaitFor(int fd, short events, int64_t timeout_ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd wait{fd, events, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

std::string NameOf(const sockaddr* address, socklen_t length) {
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getnameinfo(address, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown";
  }
  const bool is_v6 = std::strchr(host, ':') != nullptr;
  return (is_v6 ? "[" + std::string(host) + "]:" : std::string(host) + ":") + port;
}

int BoundPort(int fd) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

struct FreeAddress {
  void operator()(addrinfo* found) const { ::freeaddrinfo(found); }
};
using AddressInfo = std::unique_ptr<addrinfo, FreeAddress>;

// The first address that the name stands for. Errors: Invalid with the resolver's words.
Result<AddressInfo> Resolve(const SocketAddress& address, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) return Status::Invalid(::gai_strerror(error));
  return AddressInfo(found);
}

}  // namespace

std::string SocketAddress::ToString() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<SocketAddress> ParseSocketAddress(std::string_view text) {
  const auto mistake = [&] {
    return Status::Invalid("'", text,
                           "' is not HOST:PORT; for example 127.0.0.1:8080, :8080 (this machine only) or 0.0.0.0:8080");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return mistake();
  SocketAddress address;
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]/ ") != std::string_view::npos) {
    return mistake();
  }
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || address.port < 0 || address.port > 65535)
    return mistake();
  address.host = host.empty() ? "127.0.0.1" : std::string(host);
  return address;
}

Socket::Socket(int fd) : fd_(fd) {
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  const int on = 1;  // answers are written whole: nothing is gained by waiting for more
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage other{};
  socklen_t length = sizeof other;
  peer_ = "unknown";
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&other), &length) == 0) {
    peer_ = NameOf(reinterpret_cast<sockaddr*>(&other), length);
  }
}

Result<std::unique_ptr<Socket>> Socket::Connect(const SocketAddress& address, int64_t timeout_ms) {
  const auto failed = [&](const std::string& why) {
    return Status::IOError("cannot connect to ", address.ToString(), ": ", why);
  };
  auto resolved = Resolve(address, 0);
  if (!resolved.ok()) return failed(resolved.status().message());
  const addrinfo* found = resolved->get();
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(ErrorText(errno));
  auto socket = std::make_unique<Socket>(fd);
  if (::connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return failed(ErrorText(errno));
    if (!WaitFor(fd, POLLOUT, timeout_ms)) return failed("no answer for " + std::to_string(timeout_ms) + " ms");
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return failed(ErrorText(error));
  }
  socket->peer_ = NameOf(found->ai_addr, found->ai_addrlen);
  return socket;
}

Socket::~Socket() { ::close(fd_); }

bool Socket::WaitReadable(int64_t timeout_ms) { return WaitFor(fd_, POLLIN, timeout_ms); }

Result<int64_t> Socket::ReadSome(void* out, int64_t capacity, int64_t timeout_ms) {
  for (;;) {
    const ssize_t got = RetryInterrupted([&] { return ::recv(fd_, out, capacity, 0); });
    if (got >= 0) return got;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Status::IOError(peer_, ": ", ErrorText(errno));
    if (!WaitFor(fd_, POLLIN, timeout_ms)) {
      timed_out_ = true;
      return Status::IOError(peer_, ": nothing came for ", timeout_ms, " ms");
    }
  }
}

Status Socket::WriteAll(std::string_view bytes, int64_t timeout_ms) {
  while (!bytes.empty()) {
    const ssize_t sent = RetryInterrupted([&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent >= 0) {
      bytes.remove_prefix(sent);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return Status::IOError(peer_, ": ", ErrorText(errno));
    } else if (!WaitFor(fd_, POLLOUT, timeout_ms)) {
      timed_out_ = true;
      return Status::IOError(peer_, ": takes nothing for ", timeout_ms, " ms");
    }
  }
  return Status::OK();
}

bool Socket::hung_up() const {
  pollfd now{fd_, POLLRDHUP, 0};
  return ::poll(&now, 1, 0) > 0 && (now.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Socket::Shutdown() { ::shutdown(fd_, SHUT_RDWR); }

void Socket::ShutdownRead() { ::shutdown(fd_, SHUT_RD); }

void Socket::LingeringClose(int64_t timeout_ms) {
  ::shutdown(fd_, SHUT_WR);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  char rest[16384];
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) return;
    auto got = ReadSome(rest, sizeof rest, left);
    if (!got.ok() || *got == 0) return;
  }
}

Result<std::unique_ptr<Listener>> Listener::Open(const SocketAddress& address) {
  const auto failed = [&](const std::string& why) {
    return Status::IOError("cannot listen on ", address.ToString(), ": ", why);
  };
  auto resolved = Resolve(address, AI_PASSIVE);
  if (!resolved.ok()) return failed(resolved.status().message());
  const addrinfo* found = resolved->get();
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(ErrorText(errno));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0) {
    const std::string why = ErrorText(errno);
    ::close(fd);
    return failed(why);
  }
  return std::unique_ptr<Listener>(new Listener(fd, BoundPort(fd)));
}

Listener::~Listener() { ::close(fd_); }

Result<std::unique_ptr<Socket>> Listener::Accept() {
  while (!closed_) {
    const int fd = RetryInterrupted([&] { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); });
    if (fd >= 0) return std::make_unique<Socket>(fd);
    if (closed_) break;
    // The client went away again, or descriptors are short for the moment: neither ends the listener.
    const bool is_short = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (is_short) {
      ::poll(nullptr, 0, 50);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      WaitFor(fd_, POLLIN, 60'000);
    } else if (errno != ECONNABORTED && errno != EPROTO && errno != ENETDOWN && errno != EHOSTUNREACH) {
      return Status::IOError("accepting connections: ", ErrorText(errno));
    }
  }
  return nullptr;
}

void Listener::Close() {
  closed_ = true;
  ::shutdown(fd_, SHUT_RD);  // wakes a thread in poll
}

}  // namespace weir
