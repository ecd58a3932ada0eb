// MonitorServer: the window into a run, by HTTP. What it answers, and in which form, is in docs/reference/monitor.md.
#pragma once

#include <memory>
#include <string>

#include "monitor/snapshot.h"
#include "net/http_server.h"
#include "net/socket.h"

namespace weir {

class MonitorServer {
 public:
  /// `watcher` outlives it.
  explicit MonitorServer(RunWatcher* watcher);
  ~MonitorServer();  // ends what is being answered

  /// Errors: IOError that names the address.
  Status Listen(const SocketAddress& address);
  /// "127.0.0.1:8080", with the port that was really taken.
  std::string address() const;

 private:
  void AddRoutes();
  void AnswerTap(HttpRequest& request, HttpResponse& response);

  RunWatcher* const watcher_;
  SocketAddress address_;
  HttpServer server_;
};

}  // namespace weir
