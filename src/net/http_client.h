// HttpClient: one HTTP request after the other, over libcurl. Everything has a limit: time, redirects, size.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace weir {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpClientOptions {
  int64_t connect_timeout_ms = 10'000;
  int64_t timeout_ms = 60'000;  // of a whole request
  int64_t max_body_bytes = int64_t{64} << 20;
  int max_redirects = 5;  // 0: an answer that redirects is an answer
  std::string ca_file;    // certificates to trust instead of the system's; empty: those, or $SSL_CERT_FILE
  /// What comes and goes is left as it is: bodies are not decompressed, `..` in paths is not resolved.
  bool raw = false;
  /// Nothing coming or going for so long is an error, long before timeout_ms; 0: no such limit.
  int64_t stall_timeout_ms = 0;
  /// Set: a request under way ends with Cancelled within a second.
  const std::atomic<bool>* cancelled = nullptr;
};

struct HttpCall {
  std::string method = "GET";
  std::string url;  // http:// or https://
  HttpHeaders headers;
  std::string_view body;
};

struct HttpAnswer {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  std::string body;     // decompressed
  /// The first header of that name (lower case); empty where there is none.
  std::string_view header(std::string_view name) const;
  /// What Retry-After asks for, seconds or a date (against `now_us`).
  std::optional<int64_t> retry_after_us(int64_t now_us) const;
};

/// Keeps its connections. Used by one thread at a time.
class HttpClient {
 public:
  /// Errors: IOError where there is no libcurl.
  static Result<std::unique_ptr<HttpClient>> Make(HttpClientOptions options);
  ~HttpClient();
  /// Any status is an answer. Certificates are verified. Errors: IOError when there was none (name, connection, time,
  /// certificate), with the URL as RedactUrl writes it; CapacityError when the body is too long; Invalid for a URL that
  /// is none; Cancelled.
  Result<HttpAnswer> Send(const HttpCall& call);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Whether the same request may succeed later: 408, 425, 429, 500, 502, 503, 504.
bool IsRetryableStatus(int status);
/// Without user, password, query and fragment: for messages.
std::string RedactUrl(std::string_view url);
/// `link` of the answer to a request for `base`, which may be relative.
std::string ResolveUrl(std::string_view base, std::string_view link);

}  // namespace weir
