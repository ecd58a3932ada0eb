// HttpServer: HTTP/1.1 for local endpoints and listeners, by method and path, over Boost.Beast's parser.
//
// One thread for each connection, at most max_connections; more wait in the system's queue, and idle ones make room.
// Handlers run in those threads, several at once. Nothing of Boost is seen outside, and nothing throws.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir {

class HttpConnection;

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // a network is listened to only where it is named
  int port = 0;                       // 0: any free one
  int64_t max_head_bytes = int64_t{32} << 10;
  int64_t max_body_bytes = int64_t{64} << 20;
  int64_t head_timeout_ms = 10'000;   // from the first byte of a request to the end of its head
  int64_t idle_timeout_ms = 60'000;   // between two requests of a connection
  int64_t read_timeout_ms = 30'000;   // for each piece of a body
  int64_t write_timeout_ms = 30'000;  // for each piece of an answer
  int max_connections = 256;
};

/// One request, valid during the call of its handler.
class HttpRequest {
 public:
  const std::string& method() const { return method_; }
  const std::string& path() const { return path_; }
  /// Value of the first header of that name (any case); empty where there is none.
  std::string_view header(std::string_view name) const;
  /// What stood for {name} of the handler's pattern, decoded.
  const std::string& param(const std::string& name) const;
  /// ?name=value of the URL, decoded.
  std::optional<std::string> query(const std::string& name) const;
  std::optional<int64_t> content_length() const;
  const std::string& peer() const;  // address of the client

  /// The next piece of the body, at least one byte; 0 at its end. Errors: CapacityError when the body is longer than
  /// max_body_bytes, IOError when the client is gone or too slow, Invalid when its framing is broken. A handler that
  /// gets one may just return: the connection answers 413, 408 or 400.
  Result<int64_t> ReadBody(void* out, int64_t capacity);
  /// The whole (rest of the) body.
  Result<std::string> ReadWholeBody();

 private:
  friend class HttpConnection;
  HttpConnection* connection_ = nullptr;
  std::string method_, path_;
  std::map<std::string, std::string> params_, query_;
};

/// The answer to one request. A handler that sends none answers 500.
class HttpResponse {
 public:
  /// Before Send or StartStream. Line breaks in values become spaces.
  void SetHeader(std::string name, std::string value);
  /// The whole answer. Errors: IOError when the client has gone: nothing is left to do then.
  Status Send(int status, std::string_view content_type, std::string_view body);
  /// An answer of unknown length: each Write is sent at once, as a chunk. The stream ends when the handler returns.
  Status StartStream(int status, std::string_view content_type);
  /// Errors: IOError when the client has gone or takes nothing for write_timeout_ms.
  Status Write(std::string_view piece);
  /// False when the client has gone or the server stops. A handler that waits for something looks at it at least every
  /// second.
  bool open() const;
  bool is_started() const { return started_; }

 private:
  friend class HttpConnection;
  Status SendHead(int status, std::string_view content_type, std::string_view length);
  HttpConnection* connection_ = nullptr;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string head_;
  bool started_ = false, chunked_ = false, streaming_ = false, failed_ = false;
};

using HttpHandler = std::function<void(HttpRequest&, HttpResponse&)>;

/// What an HTTP status is called, as in "202 Accepted"; "Unknown" for those that nobody named.
std::string_view HttpReason(int status);

class HttpServer {
 public:
  HttpServer();
  ~HttpServer();  // Stop(0)

  /// `pattern` is a path whose segments may be {name}: "/api/tap/{step}". Before Listen. A handler of GET also answers
  /// HEAD. Where only other methods fit, the answer is 405 with Allow; where no pattern does, 404.
  void Handle(std::string method, std::string pattern, HttpHandler handler);
  /// Binds, and answers from a thread of its own until Stop. Errors: IOError that names the address.
  Status Listen(const HttpServerOptions& options);
  int port() const;
  /// Accepts no more connections, closes those that wait for a request, and lets the others finish theirs. Returns at
  /// once; thread-safe.
  void BeginStop();
  /// Requests that are being answered now. After BeginStop it falls to 0, and stays.
  int active_requests() const;
  /// BeginStop, waits at most `grace_ms` for requests under way, breaks the connections of the rest and joins all
  /// threads. Bounded as long as handlers return soon after their reads and writes fail or open() is false.
  void Stop(int64_t grace_ms);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
