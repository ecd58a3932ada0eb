// HttpConnection: one client of an HttpServer, from its first request to its last.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "net/http_server.h"
#include "net/socket.h"

namespace weir {

/// What the connections of one server share.
struct HttpService {
  struct Route {
    std::string method;
    std::vector<std::string> segments;  // "{name}" takes any
    HttpHandler handler;
  };
  HttpServerOptions options;
  std::vector<Route> routes;
  std::atomic<bool> stopping{false};
  std::atomic<int> active_requests{0};
};

class HttpConnection {
 public:
  HttpConnection(HttpService* service, std::unique_ptr<Socket> socket);
  ~HttpConnection();
  /// Answers requests until the client or the server has enough.
  void Serve();
  /// Since when it waits for a request, in steady ms; negative while it answers one. From any thread.
  int64_t idle_since_ms() const { return idle_since_ms_; }
  /// Breaks the connection, from any thread.
  void Break() { socket_->Shutdown(); }

 private:
  friend class HttpRequest;
  friend class HttpResponse;
  struct Parser;
  class Stream;

  bool WaitForRequest();
  bool ReadHead();
  bool Answer();  // false: the connection ends
  void Dispatch(HttpRequest& request, HttpResponse& response);
  void AnswerMistake(int status, std::string_view text);
  bool FinishBody();
  Result<int64_t> ReadBody(void* out, int64_t capacity);
  Status Write(std::string_view bytes);

  HttpService* const service_;
  std::unique_ptr<Socket> socket_;
  std::unique_ptr<Parser> parser_;
  std::atomic<int64_t> idle_since_ms_{0};
  bool keep_alive_ = false;
  bool is_head_ = false;
  int64_t body_bytes_ = 0;
  Status body_error_;
};

}  // namespace weir
