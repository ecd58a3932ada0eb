// Routes, and the stream of a tap.
#include "monitor/monitor_server.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "batch/print.h"
#include "engine/run.h"
#include "formats/text/value_text.h"
#include "monitor/metrics_text.h"
#include "monitor/pipeline_json.h"
#include "monitor/tap_stream.h"

namespace weir {
namespace {

constexpr const char* kJson = "application/json";
constexpr auto kTapPause = std::chrono::milliseconds(100);
constexpr int64_t kStopGraceMs = 500;

std::string ErrorJson(const std::string& message) {
  return nlohmann::json{{"error", message}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// An answer that the client did not wait for is nobody's mistake.
void Send(HttpResponse& response, int status, std::string_view type, std::string_view body) {
  (void)response.Send(status, type, body).ok();
}

void SendError(HttpResponse& response, const Status& status) {
  Send(response, status.IsKeyError() ? 404 : 400, kJson, ErrorJson(status.message()));
}

Result<int64_t> LimitOf(const HttpRequest& request) {
  const auto text = request.query("limit");
  if (!text || text->empty()) return int64_t{0};
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 0) {
    return Status::Invalid("'limit' is a number of rows; this is '", *text, "'");
  }
  return value;
}

struct QueryWords {
  std::string sql, as_of, format;
};

/// From the URL, or from a body of JSON.
Result<QueryWords> ReadQuery(HttpRequest& request) {
  QueryWords out{request.query("sql").value_or(""), request.query("as_of").value_or(""),
                 request.query("format").value_or("json")};
  if (request.method() == "POST") {
    WEIR_ASSIGN_OR_RETURN(const std::string body, request.ReadWholeBody());
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object()) return Status::Invalid("the body is an object like {\"sql\": \"select …\"}");
    for (const auto& [key, value] : json.items()) {
      std::string* to = key == "sql" ? &out.sql : key == "as_of" ? &out.as_of : key == "format" ? &out.format : nullptr;
      if (to == nullptr || !value.is_string()) return Status::Invalid("'", key, "' is not a text of a query");
      *to = value.get<std::string>();
    }
  }
  if (out.sql.empty()) return Status::Invalid("there is no 'sql'");
  return out;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host.starts_with("127.") || host == "::1" || host == "[::1]";
}

/// Rows as lines of JSON, or as server-sent events for those who ask for them.
class TapWriter {
 public:
  TapWriter(bool events, HttpResponse* response) : events_(events), response_(*response) {}
  Status Start() { return response_.StartStream(200, events_ ? "text/event-stream" : "application/x-ndjson"); }
  Status WriteRows(const std::vector<std::string>& rows) {
    std::string text;
    for (const std::string& row : rows) text += events_ ? "data: " + row + "\n\n" : row + "\n";
    return text.empty() ? Status::OK() : response_.Write(text);
  }
  Status WriteEvent(const char* name, int64_t value) {
    if (!events_) return Status::OK();
    return response_.Write(std::string("event: ") + name + "\ndata: " + std::to_string(value) + "\n\n");
  }

 private:
  const bool events_;
  HttpResponse& response_;
};

}  // namespace

MonitorServer::MonitorServer(RunWatcher* watcher, std::vector<std::shared_ptr<StateTable>> tables)
    : watcher_(watcher), query_(std::move(tables)) {
  AddRoutes();
}

MonitorServer::~MonitorServer() { server_.Stop(kStopGraceMs); }

Status MonitorServer::Listen(const SocketAddress& address) {
  address_ = address;
  HttpServerOptions options;
  options.address = address.host;
  options.port = address.port;
  options.max_body_bytes = int64_t{1} << 20;
  options.max_connections = 32;
  WEIR_RETURN_NOT_OK(server_.Listen(options));
  address_.port = server_.port();
  return Status::OK();
}

std::string MonitorServer::address() const { return address_.ToString(); }

bool MonitorServer::IsForUs(const HttpRequest& request) const {
  if (!IsLoopback(address_.host)) return true;
  std::string host(request.header("Host"));
  if (const size_t colon = host.rfind(':'); colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    host.resize(colon);
  }
  return IsLoopback(host);
}

void MonitorServer::Route(const char* method, const char* pattern, HttpHandler handler) {
  server_.Handle(method, pattern, [this, handler = std::move(handler)](HttpRequest& request, HttpResponse& response) {
    if (IsForUs(request)) return handler(request, response);
    Send(response, 403, "text/plain", "this machine only\n");
  });
}

void MonitorServer::AddRoutes() {
  Route("GET", "/", [](HttpRequest&, HttpResponse& response) {
    Send(response, 200, "text/plain; charset=utf-8",
         "/metrics  /livez  /readyz  /api/pipeline  /api/tap/STEP?where=CONDITION&limit=N  "
         "/api/query?sql=SELECT…&as_of=TIME\n");
  });
  Route("GET", "/livez", [](HttpRequest&, HttpResponse& response) { Send(response, 200, "text/plain", "ok\n"); });
  Route("GET", "/readyz", [this](HttpRequest&, HttpResponse& response) {
    const RunSnapshot now = watcher_->Now();
    const bool ready = now.ready && !now.ended;
    Send(response, ready ? 200 : 503, "text/plain", ready ? "ok\n" : now.ended ? "ended\n" : "starting\n");
  });
  Route("GET", "/metrics", [this](HttpRequest&, HttpResponse& response) {
    Send(response, 200, kMetricsContentType, MetricsText(watcher_->Now()));
  });
  Route("GET", "/api/pipeline", [this](HttpRequest&, HttpResponse& response) {
    Send(response, 200, kJson, PipelineJson(watcher_->Now()) + "\n");
  });
  for (const char* method : {"GET", "POST"}) {
    Route(method, "/api/query",
          [this](HttpRequest& request, HttpResponse& response) { AnswerQuery(request, response); });
  }
  Route("GET", "/api/tap/{step}",
        [this](HttpRequest& request, HttpResponse& response) { AnswerTap(request, response); });
}

void MonitorServer::AnswerQuery(HttpRequest& request, HttpResponse& response) {
  const Result<QueryWords> words = ReadQuery(request);
  if (!words.ok()) return SendError(response, words.status());
  std::optional<EventTime> as_of;
  if (!words->as_of.empty()) {
    EventTime time = 0;
    if (!ParseTimestamp(words->as_of, &time)) {
      return SendError(response,
                       Status::Invalid("'as_of' is a time like 2026-03-01T12:00:00Z; this is '", words->as_of, "'"));
    }
    as_of = time;
  }
  const auto answer = query_.Run(words->sql, as_of, QueryLimits{});
  if (!answer.ok()) return SendError(response, answer.status());
  if (words->format != "table") return Send(response, 200, kJson, AnswerJson(*answer) + "\n");
  TableOptions options;
  options.max_rows = QueryLimits{}.max_rows;
  Send(response, 200, "text/plain; charset=utf-8", FormatTable(answer->schema, answer->rows, options));
}

void MonitorServer::AnswerTap(HttpRequest& request, HttpResponse& response) {
  Result<int64_t> limit = LimitOf(request);
  if (!limit.ok()) return SendError(response, limit.status());
  auto opened = TapStream::Open(watcher_->run(), request.param("step"), request.query("where").value_or(""));
  if (!opened.ok()) return SendError(response, opened.status());
  TapStream& tap = **opened;
  TapWriter writer(request.header("Accept").find("text/event-stream") != std::string_view::npos, &response);
  if (!writer.Start().ok()) return;
  int64_t shown = 0, missed = 0;
  while (response.open()) {
    const bool ended = tap.ended();  // before Take: what was given until then is taken
    auto rows = tap.Take();
    if (!rows.ok()) return;
    if (*limit > 0 && shown + static_cast<int64_t>(rows->size()) > *limit) rows->resize(*limit - shown);
    shown += static_cast<int64_t>(rows->size());
    if (!writer.WriteRows(*rows).ok()) return;
    const bool enough = *limit > 0 && shown >= *limit;
    if (tap.missed_rows() != missed || ended || enough) {
      missed = tap.missed_rows();
      if (!writer.WriteEvent("missed", missed).ok()) return;
    }
    if (ended || enough) return;
    // allowed: this thread serves one person who looks; lanes never wait for it
    std::this_thread::sleep_for(kTapPause);
  }
}

}  // namespace weir
