// MonitorServer: the window into a run, by HTTP. What it answers, and in which form, is in docs/reference/monitor.md.
#pragma once

#include <memory>
#include <string>

#include "monitor/snapshot.h"
#include "monitor/state_query.h"
#include "net/http_server.h"
#include "net/socket.h"

namespace weir {

class MonitorServer {
 public:
  /// `watcher` outlives it. `tables`: those that queries may read.
  MonitorServer(RunWatcher* watcher, std::vector<std::shared_ptr<StateTable>> tables);
  ~MonitorServer();  // ends what is being answered

  /// Errors: IOError that names the address.
  Status Listen(const SocketAddress& address);
  /// "127.0.0.1:8080", with the port that was really taken.
  std::string address() const;

 private:
  void AddRoutes();
  void Route(const char* method, const char* pattern, HttpHandler handler);
  /// A page of another site in a browser of this machine may reach this port under a name of its own; it is refused.
  bool IsForUs(const HttpRequest& request) const;
  void AnswerQuery(HttpRequest& request, HttpResponse& response);
  void AnswerTap(HttpRequest& request, HttpResponse& response);

  RunWatcher* const watcher_;
  StateQuery query_;
  SocketAddress address_;
  HttpServer server_;
};

}  // namespace weir
