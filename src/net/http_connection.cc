// One connection: Boost.Beast parses heads and chunks, the rest is here. Beast's exceptions, if any, end in Serve.
#include "net/http_connection.h"

#include <date/date.h>

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <limits>

#include "base/check.h"
#include "env/env.h"

namespace weir {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;

// What is left of a body that nobody wants is read up to here, so that the connection can serve on.
constexpr int64_t kMaxSkippedBytes = 256 << 10;
constexpr int64_t kLingerMs = 1000;

int64_t SteadyMs() { return Env::Real().SteadyTimeNs() / 1'000'000; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

std::string PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> ParseQuery(std::string_view text) {
  std::map<std::string, std::string> values;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    values.emplace(PercentDecode(pair.substr(0, equals), true),
                   PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return values;
}

bool Fits(const std::vector<std::string>& pattern, std::string_view path, std::map<std::string, std::string>* params) {
  for (const std::string& segment : pattern) {
    if (path.empty()) return false;
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    if (segment.size() > 2 && segment.front() == '{' && segment.back() == '}') {
      if (end == 0) return false;
      (*params)[segment.substr(1, segment.size() - 2)] = PercentDecode(path.substr(0, end), false);
    } else if (path.substr(0, end) != segment) {
      return false;
    }
    path.remove_prefix(end);
  }
  return path.empty() || (path == "/" && pattern.empty());
}

std::string HttpDate() {
  using std::chrono::microseconds;
  const auto now =
      date::floor<std::chrono::seconds>(date::sys_time<microseconds>(microseconds(Env::Real().WallTime())));
  return date::format("%a, %d %b %Y %T GMT", now);
}

}  // namespace

// The socket as Beast wants it. The deadline, where set, is for all that is read until it is taken away again.
class HttpConnection::Stream {
 public:
  Stream(Socket* socket, int64_t timeout_ms) : socket_(socket), timeout_ms_(timeout_ms) {}
  void set_deadline_ms(int64_t deadline_ms) { deadline_ms_ = deadline_ms; }
  template <class Buffers>
  size_t read_some(const Buffers& buffers, ErrorCode& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer piece = *it;
      if (piece.size() == 0) continue;
      const int64_t timeout_ms = deadline_ms_ ? std::max<int64_t>(deadline_ms_ - SteadyMs(), 0) : timeout_ms_;
      auto got = socket_->ReadSome(piece.data(), static_cast<int64_t>(piece.size()), timeout_ms);
      if (!got.ok()) {
        error = make_error_code(socket_->timed_out() ? boost::system::errc::timed_out
                                                     : boost::system::errc::connection_reset);
        return 0;
      }
      error = *got == 0 ? boost::asio::error::make_error_code(boost::asio::error::eof) : ErrorCode();
      return static_cast<size_t>(*got);
    }
    error = {};
    return 0;
  }
  template <class Buffers>
  size_t read_some(const Buffers&) {
    WEIR_CHECK(false, "reads give an error code");
  }

 private:
  Socket* socket_;
  int64_t timeout_ms_;
  int64_t deadline_ms_ = 0;
};

struct HttpConnection::Parser {
  Parser(Socket* socket, const HttpServerOptions& options)
      : stream(socket, options.read_timeout_ms), buffer(options.max_head_bytes + (64 << 10)) {}
  Stream stream;
  boost::beast::flat_buffer buffer;
  std::optional<http::request_parser<http::buffer_body>> request;
};

HttpConnection::HttpConnection(HttpService* service, std::unique_ptr<Socket> socket)
    : service_(service),
      socket_(std::move(socket)),
      parser_(std::make_unique<Parser>(socket_.get(), service->options)),
      idle_since_ms_(SteadyMs()) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::Serve() {
  try {
    while (WaitForRequest()) {
      service_->active_requests.fetch_add(1);
      idle_since_ms_ = -1;
      const bool goes_on = ReadHead() && Answer();
      idle_since_ms_ = SteadyMs();
      service_->active_requests.fetch_sub(1);
      if (!goes_on) break;
    }
  } catch (const std::exception&) {  // of a library, or memory is short: this client is lost, the others go on
    if (idle_since_ms_ < 0) service_->active_requests.fetch_sub(1);
    idle_since_ms_ = SteadyMs();
  }
}

bool HttpConnection::WaitForRequest() {
  if (service_->stopping) return false;
  if (parser_->buffer.size() > 0) return true;  // the client sent the next one before it had its answer
  return socket_->WaitReadable(service_->options.idle_timeout_ms) && !service_->stopping;
}

bool HttpConnection::ReadHead() {
  parser_->request.emplace();
  parser_->request->header_limit(static_cast<uint32_t>(service_->options.max_head_bytes));
  parser_->request->body_limit(std::numeric_limits<uint64_t>::max());  // ReadBody counts
  body_bytes_ = 0;
  body_error_ = Status::OK();
  is_head_ = keep_alive_ = false;
  ErrorCode error;
  parser_->stream.set_deadline_ms(SteadyMs() + service_->options.head_timeout_ms);
  http::read_header(parser_->stream, parser_->buffer, *parser_->request, error);
  parser_->stream.set_deadline_ms(0);
  if (!error) return true;
  if (error == http::error::end_of_stream || error == boost::system::errc::connection_reset) return false;
  if (error == boost::system::errc::timed_out) {
    AnswerMistake(408, "the head of the request did not come in time");
  } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    AnswerMistake(431, "the head of the request is too long");
  } else {
    AnswerMistake(400, "this is not an HTTP request: " + error.message());
  }
  return false;
}

void HttpConnection::AnswerMistake(int status, std::string_view text) {
  keep_alive_ = false;
  HttpResponse response;
  response.connection_ = this;
  // A client that has gone meanwhile needs no answer.
  if (response.Send(status, "text/plain; charset=utf-8", std::string(text) + "\n").ok()) {
    socket_->LingeringClose(kLingerMs);
  }
}

bool HttpConnection::Answer() {
  const auto& head = parser_->request->get();
  HttpRequest request;
  HttpResponse response;
  request.connection_ = response.connection_ = this;
  request.method_ = std::string(head.method_string());
  keep_alive_ = head.keep_alive();
  is_head_ = request.method_ == "HEAD";
  std::string_view target(head.target().data(), head.target().size());
  if (target.starts_with("http://")) {  // as a proxy would ask
    target.remove_prefix(7);
    target.remove_prefix(std::min(target.find('/'), target.size()));
  }
  const size_t mark = std::min(target.find_first_of("?#"), target.size());
  request.path_ = std::string(target.substr(0, mark));
  request.query_ = ParseQuery(target.substr(std::min(mark + 1, target.size())));
  if (!request.path_.starts_with('/')) {
    AnswerMistake(400, "the path of the request does not begin with a slash");
    return false;
  }
  Dispatch(request, response);
  if (response.streaming_ && response.chunked_ && !response.failed_) response.failed_ = !Write("0\r\n\r\n").ok();
  if (response.failed_) return false;
  if (!FinishBody()) keep_alive_ = false;
  if (!keep_alive_) socket_->LingeringClose(kLingerMs);
  return keep_alive_;
}

void HttpConnection::Dispatch(HttpRequest& request, HttpResponse& response) {
  std::string allowed;
  for (const HttpService::Route& route : service_->routes) {
    std::map<std::string, std::string> params;
    if (!Fits(route.segments, request.path_, &params)) continue;
    if (route.method == request.method_ || (is_head_ && route.method == "GET")) {
      request.params_ = std::move(params);
      route.handler(request, response);
      allowed.clear();
      if (response.started_) return;
      const bool is_bad = !body_error_.ok();
      const int status = !is_bad ? 500 : body_error_.IsCapacityError() ? 413 : socket_->timed_out() ? 408 : 400;
      (void)response.Send(status, "text/plain; charset=utf-8", is_bad ? body_error_.message() + "\n" : "no answer\n");
      return;
    }
    allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  if (!allowed.empty()) {
    response.SetHeader("Allow", allowed);
    (void)response.Send(405, "text/plain; charset=utf-8", "this path takes " + allowed + "\n");
  } else {
    (void)response.Send(404, "text/plain; charset=utf-8", "nothing is at " + request.path_ + "\n");
  }
}

bool HttpConnection::FinishBody() {
  char rest[16384];
  for (int64_t skipped = 0; !parser_->request->is_done();) {
    if (skipped > kMaxSkippedBytes || !body_error_.ok()) return false;
    // A client that waits for "100 Continue" sends its body only then: it was answered without.
    if (body_bytes_ == 0 && parser_->request->get().count(http::field::expect) > 0) return false;
    auto got = ReadBody(rest, sizeof rest);
    if (!got.ok()) return false;
    skipped += *got;
  }
  return true;
}

Result<int64_t> HttpConnection::ReadBody(void* out, int64_t capacity) {
  if (!body_error_.ok()) return body_error_;
  auto& request = *parser_->request;
  const int64_t limit = service_->options.max_body_bytes;
  const auto fail = [&](Status error) { return body_error_ = std::move(error); };
  const auto too_long = [&] { return fail(Status::CapacityError("the body is longer than ", limit, " bytes")); };
  if (body_bytes_ == 0 && !request.is_done()) {
    if (request.content_length() && static_cast<int64_t>(*request.content_length()) > limit) return too_long();
    auto expect = request.get().find(http::field::expect);
    if (expect != request.get().end() && boost::beast::iequals(expect->value(), "100-continue") &&
        parser_->buffer.size() == 0) {
      WEIR_RETURN_NOT_OK(Write("HTTP/1.1 100 Continue\r\n\r\n"));
    }
  }
  int64_t got = 0;
  while (got == 0 && !request.is_done()) {
    auto& body = request.get().body();
    body.data = out;
    body.size = static_cast<size_t>(capacity);
    ErrorCode error;
    http::read_some(parser_->stream, parser_->buffer, request, error);
    got = capacity - static_cast<int64_t>(body.size);
    if (!error || error == http::error::need_buffer) continue;
    if (error == boost::system::errc::timed_out) {
      return fail(Status::IOError("nothing of the body came for ", service_->options.read_timeout_ms, " ms"));
    }
    if (error == boost::system::errc::connection_reset || error == http::error::partial_message) {
      return fail(Status::IOError("the client went away within the body"));
    }
    return fail(Status::Invalid("the body is framed badly: ", error.message()));
  }
  body_bytes_ += got;
  if (body_bytes_ > limit) return too_long();
  return got;
}

Status HttpConnection::Write(std::string_view bytes) {
  return socket_->WriteAll(bytes, service_->options.write_timeout_ms);
}

std::string_view HttpRequest::header(std::string_view name) const {
  const auto& head = connection_->parser_->request->get();
  auto found = head.find(boost::beast::string_view(name.data(), name.size()));
  if (found == head.end()) return {};
  return {found->value().data(), found->value().size()};
}

const std::string& HttpRequest::param(const std::string& name) const {
  auto found = params_.find(name);
  WEIR_CHECK(found != params_.end(), "the handler's pattern has no such parameter");
  return found->second;
}

std::optional<std::string> HttpRequest::query(const std::string& name) const {
  auto found = query_.find(name);
  if (found == query_.end()) return std::nullopt;
  return found->second;
}

std::optional<int64_t> HttpRequest::content_length() const {
  const auto length = connection_->parser_->request->content_length();
  if (!length) return std::nullopt;
  return static_cast<int64_t>(*length);
}

const std::string& HttpRequest::peer() const { return connection_->socket_->peer(); }

Result<int64_t> HttpRequest::ReadBody(void* out, int64_t capacity) { return connection_->ReadBody(out, capacity); }

Result<std::string> HttpRequest::ReadWholeBody() {
  constexpr int64_t kStep = 64 << 10;
  std::string body;
  const int64_t max_body_bytes = connection_->service_->options.max_body_bytes;
  body.reserve(std::min(content_length().value_or(0), max_body_bytes));
  for (;;) {
    const size_t before = body.size();
    body.resize(before + kStep);
    WEIR_ASSIGN_OR_RETURN(int64_t got, ReadBody(body.data() + before, kStep));
    body.resize(before + got);
    if (got == 0) return body;
  }
}

std::string_view HttpReason(int status) {
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
  return reason.empty() || status == 0 ? "Unknown" : std::string_view(reason.data(), reason.size());
}

void HttpResponse::SetHeader(std::string name, std::string value) {
  std::replace_if(
      value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  headers_.emplace_back(std::move(name), std::move(value));
}

Status HttpResponse::SendHead(int status, std::string_view content_type, std::string_view length) {
  WEIR_CHECK(!started_, "an answer is sent once");
  started_ = true;
  if (connection_->service_->stopping) connection_->keep_alive_ = false;
  head_ = "HTTP/1.1 " + std::to_string(status) + " " + std::string(HttpReason(status)) + "\r\nDate: " + HttpDate();
  if (!content_type.empty()) head_ += "\r\nContent-Type: " + std::string(content_type);
  for (const auto& [name, value] : headers_) head_ += "\r\n" + name + ": " + value;
  head_ += connection_->keep_alive_ ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n";
  head_ += std::string(length) + "\r\n";
  return Status::OK();
}

Status HttpResponse::Send(int status, std::string_view content_type, std::string_view body) {
  const bool has_body = status >= 200 && status != 204 && status != 304;
  WEIR_RETURN_NOT_OK(
      SendHead(status, content_type, has_body ? "Content-Length: " + std::to_string(body.size()) + "\r\n" : ""));
  if (has_body && !connection_->is_head_) head_ += body;
  Status sent = connection_->Write(head_);
  failed_ = !sent.ok();
  return sent;
}

Status HttpResponse::StartStream(int status, std::string_view content_type) {
  chunked_ = connection_->parser_->request->get().version() >= 11;
  if (!chunked_) connection_->keep_alive_ = false;
  WEIR_RETURN_NOT_OK(SendHead(status, content_type, chunked_ ? "Transfer-Encoding: chunked\r\n" : ""));
  streaming_ = !connection_->is_head_;
  Status sent = connection_->Write(head_);
  failed_ = !sent.ok();
  return sent;
}

Status HttpResponse::Write(std::string_view piece) {
  WEIR_CHECK(started_, "StartStream comes first");
  if (!streaming_ || piece.empty()) return Status::OK();
  if (failed_) return Status::IOError("the client has gone");
  char size[32];
  const int length = std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  std::string chunk;
  if (chunked_) {
    chunk.reserve(piece.size() + 32);
    chunk.append(size, length).append(piece).append("\r\n");
    piece = chunk;
  }
  Status sent = connection_->Write(piece);
  failed_ = !sent.ok();
  return sent;
}

bool HttpResponse::open() const {
  return !failed_ && !connection_->service_->stopping && !connection_->socket_->hung_up();
}

}  // namespace weir
