// Stream sockets: addresses, connections with time limits, listeners that can be woken.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

struct SocketAddress {
  std::string host;  // a name or a number; IPv6 without brackets
  int port = 0;      // 0: any free one, for listeners
  std::string ToString() const;
};

/// "HOST:PORT", "[IPv6]:PORT" or ":PORT", which is this machine only (127.0.0.1): who wants to listen to a network says
/// so, by 0.0.0.0 or an address of the machine. Errors: Invalid, with an example.
Result<SocketAddress> ParseSocketAddress(std::string_view text);

/// One connection. Reads and writes belong to one thread each; Shutdown may come from any.
class Socket {
 public:
  explicit Socket(int fd);  // takes it over, and makes it non-blocking
  /// Errors: IOError that names the address and why.
  static Result<std::unique_ptr<Socket>> Connect(const SocketAddress& address, int64_t timeout_ms);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Waits at most `timeout_ms` for something to read: true, also at the end of the stream.
  bool WaitReadable(int64_t timeout_ms);
  /// At least one byte, or 0 at the end of the stream. Errors: IOError; timed_out() tells that time was up.
  Result<int64_t> ReadSome(void* out, int64_t capacity, int64_t timeout_ms);
  /// Everything; `timeout_ms` is for each piece that the system takes. Errors: IOError.
  Status WriteAll(std::string_view bytes, int64_t timeout_ms);
  bool timed_out() const { return timed_out_; }
  /// Whether the other side has closed, or this side is shut down. Takes nothing from the stream.
  bool hung_up() const;
  /// Ends both directions: whoever waits in a read or a write returns at once.
  void Shutdown();
  /// Ends reading: what has come already can still be read, then the stream is at its end. From any thread.
  void ShutdownRead();
  /// Says that nothing more will be written, and reads what still comes for at most `timeout_ms`, so that the other
  /// side gets what was written last instead of a reset.
  void LingeringClose(int64_t timeout_ms);
  /// Address of the other side.
  const std::string& peer() const { return peer_; }

 private:
  int fd_;
  std::string peer_;
  bool timed_out_ = false;
};

/// A listening socket.
class Listener {
 public:
  /// Errors: IOError that names the address and why.
  static Result<std::unique_ptr<Listener>> Open(const SocketAddress& address);
  ~Listener();
  /// Waits for a connection. Null after Close. Errors: IOError.
  Result<std::unique_ptr<Socket>> Accept();
  /// Accepts nothing more; Accept returns. From any thread, more than once.
  void Close();
  int port() const { return port_; }

 private:
  Listener(int fd, int port) : fd_(fd), port_(port) {}

  const int fd_;
  const int port_;
  std::atomic<bool> closed_{false};
};

}  // namespace weir
