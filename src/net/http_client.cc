// One easy handle, reused. libcurl calls back for what comes in; the callbacks keep the limits.
#include "net/http_client.h"

#include <algorithm>

#include "env/env.h"
#include "net/curl_library.h"

namespace weir {
namespace {

constexpr size_t kMaxHeaderBytes = 256 << 10;

std::string_view Trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 && c != '\t'; });
}

/// What the callbacks fill in.
struct Receiving {
  HttpAnswer answer;
  size_t header_bytes = 0;
  int64_t max_body_bytes = 0;
  bool too_long = false;
  const std::atomic<bool>* cancelled = nullptr;
};

size_t OnBody(char* data, size_t, size_t size, void* user) {
  auto& to = *static_cast<Receiving*>(user);
  if (static_cast<int64_t>(to.answer.body.size() + size) > to.max_body_bytes) {
    to.too_long = true;
    return 0;
  }
  to.answer.body.append(data, size);
  return size;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  auto& to = *static_cast<Receiving*>(user);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {  // of the next answer, after a redirection or an interim one
    to.answer.headers.clear();
    to.header_bytes = 0;
  }
  to.header_bytes += size;
  if (to.header_bytes > kMaxHeaderBytes) return 0;
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(Trim(line.substr(0, colon)));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
  to.answer.headers.emplace_back(std::move(name), std::string(Trim(line.substr(colon + 1))));
  return size;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& to = *static_cast<Receiving*>(user);
  return to.cancelled && to.cancelled->load(std::memory_order_relaxed) ? 1 : 0;
}

}  // namespace

struct HttpClient::State {
  const CurlLibrary* curl = nullptr;
  CURL* handle = nullptr;
  HttpClientOptions options;
  ~State() {
    if (handle) curl->easy_cleanup(handle);
  }
  template <class T>
  void Set(CURLoption option, T value) {
    // Only options that this version lacks are refused, and those that are used are older than it.
    (void)curl->easy_setopt(handle, option, value);
  }
  void Prepare(const HttpCall& call, curl_slist* headers, Receiving* receiving, char* error_text);
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::Make(HttpClientOptions options) {
  auto state = std::make_unique<State>();
  WEIR_ASSIGN_OR_RETURN(state->curl, CurlLibrary::Get());
  state->handle = state->curl->easy_init();
  if (!state->handle) return Status::OutOfMemory("libcurl gives no handle");
  state->options = std::move(options);
  if (state->options.ca_file.empty()) {
    state->options.ca_file = Env::Real().Variable("SSL_CERT_FILE").value_or("");
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

void HttpClient::State::Prepare(const HttpCall& call, curl_slist* headers, Receiving* receiving, char* error_text) {
  curl->easy_reset(handle);  // keeps connections
  Set(CURLOPT_ERRORBUFFER, error_text);
  Set(CURLOPT_URL, call.url.c_str());
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms));
  Set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout_ms));
  Set(CURLOPT_FOLLOWLOCATION, options.max_redirects > 0 ? 1L : 0L);
  Set(CURLOPT_MAXREDIRS, static_cast<long>(options.max_redirects));
  if (options.raw) {
    Set(CURLOPT_PATH_AS_IS, 1L);
  } else {
    Set(CURLOPT_ACCEPT_ENCODING, "");  // what it can undo itself
  }
  if (options.stall_timeout_ms > 0) {
    Set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    Set(CURLOPT_LOW_SPEED_TIME, static_cast<long>((options.stall_timeout_ms + 999) / 1000));
  }
  Set(CURLOPT_USERAGENT, "weir");
  Set(CURLOPT_HTTPHEADER, headers);
  if (!options.ca_file.empty()) Set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (call.method == "HEAD") {
    Set(CURLOPT_NOBODY, 1L);
  } else if (call.method != "GET") {
    Set(CURLOPT_POST, 1L);
    Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    Set(CURLOPT_POSTFIELDS, call.body.data());
    Set(CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }
  Set(CURLOPT_WRITEFUNCTION, &OnBody);
  Set(CURLOPT_WRITEDATA, receiving);
  Set(CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(CURLOPT_HEADERDATA, receiving);
  Set(CURLOPT_NOPROGRESS, 0L);
  Set(CURLOPT_XFERINFOFUNCTION, &OnProgress);
  Set(CURLOPT_XFERINFODATA, receiving);
}

Result<HttpAnswer> HttpClient::Send(const HttpCall& call) {
  if (!call.url.starts_with("http://") && !call.url.starts_with("https://")) {
    return Status::Invalid("'", RedactUrl(call.url), "' is no http:// or https:// URL");
  }
  const CurlLibrary& curl = *state_->curl;
  curl_slist* headers = curl.slist_append(nullptr, "Expect:");  // no round trip before each body
  for (const auto& [name, value] : call.headers) {
    if (HasControl(name) || HasControl(value)) {
      curl.slist_free_all(headers);
      return Status::Invalid("header '", name, "' holds control characters");
    }
    headers = curl.slist_append(headers, (name + ": " + value).c_str());
  }
  Receiving receiving;
  receiving.max_body_bytes = state_->options.max_body_bytes;
  receiving.cancelled = state_->options.cancelled;
  char error_text[CURL_ERROR_SIZE] = "";
  state_->Prepare(call, headers, &receiving, error_text);
  const CURLcode code = curl.easy_perform(state_->handle);
  curl.slist_free_all(headers);
  if (receiving.too_long) {
    return Status::CapacityError(RedactUrl(call.url), ": the answer is longer than ", receiving.max_body_bytes,
                                 " bytes");
  }
  if (code == CURLE_ABORTED_BY_CALLBACK) return Status::Cancelled("the request was given up");
  if (code != CURLE_OK) {
    return Status::IOError(RedactUrl(call.url), ": ", error_text[0] ? error_text : curl.easy_strerror(code));
  }
  long status = 0;
  (void)curl.easy_getinfo(state_->handle, CURLINFO_RESPONSE_CODE, &status);
  receiving.answer.status = static_cast<int>(status);
  return std::move(receiving.answer);
}

std::string_view HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::optional<int64_t> HttpAnswer::retry_after_us(int64_t now_us) const {
  const std::string text(header("retry-after"));
  if (text.empty()) return std::nullopt;
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    if (text.size() > 9) return std::nullopt;
    int64_t seconds = 0;
    for (char c : text) seconds = 10 * seconds + (c - '0');
    return seconds * 1'000'000;
  }
  auto curl = CurlLibrary::Get();
  const time_t at = curl.ok() ? (*curl)->getdate(text.c_str(), nullptr) : -1;
  if (at < 0) return std::nullopt;
  return std::max<int64_t>(static_cast<int64_t>(at) * 1'000'000 - now_us, 0);
}

bool IsRetryableStatus(int status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

std::string RedactUrl(std::string_view url) {
  const size_t scheme = url.find("://");
  std::string out(scheme == std::string_view::npos ? "" : url.substr(0, scheme + 3));
  url.remove_prefix(out.size());
  const size_t path = std::min(url.find_first_of("/?#"), url.size());
  const size_t at = url.substr(0, path).rfind('@');
  if (at != std::string_view::npos) out += "***@";
  url.remove_prefix(at == std::string_view::npos ? 0 : at + 1);
  const size_t end = std::min(url.find_first_of("?#"), url.size());
  out += url.substr(0, end);
  if (end < url.size()) out += "?…";
  return out;
}

std::string ResolveUrl(std::string_view base, std::string_view link) {
  if (link.starts_with("http://") || link.starts_with("https://")) return std::string(link);
  const size_t host = std::min(base.find("://") + 3, base.size());
  const size_t path = std::min(base.find_first_of("/?#", host), base.size());
  if (link.starts_with("//")) return std::string(base.substr(0, host - 2)) + std::string(link);
  if (link.starts_with("/")) return std::string(base.substr(0, path)) + std::string(link);
  const size_t query = std::min(base.find_first_of("?#", path), base.size());
  if (link.starts_with("?")) return std::string(base.substr(0, query)) + std::string(link);
  const std::string_view folder = base.substr(0, query);
  const size_t slash = folder.find_last_of('/');
  if (slash == std::string_view::npos || slash < path)
    return std::string(base.substr(0, path)) + "/" + std::string(link);
  return std::string(folder.substr(0, slash + 1)) + std::string(link);
}

}  // namespace weir
