// URLs, signatures, and what to do about each kind of failure.
#include "connectors/s3/s3_client.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <random>
#include <thread>

#include "env/objects/object_store.h"
#include "net/xml_scan.h"

namespace weir {
namespace {

/// About a minute, as long as a store may take to start again.
constexpr int kMaxTries = 15;
/// About five seconds: a store that never answered has another address, or is not up.
constexpr int kMaxFirstTries = 8;
constexpr int64_t kFirstPauseMs = 50, kMaxPauseMs = 10'000;
/// A store that says "slow down" has more than one client to slow down.
constexpr int64_t kSlowDownPauseMs = 500;
constexpr size_t kMaxIdleConnections = 16;

HttpClientOptions ConnectionOptions() {
  HttpClientOptions options;
  options.connect_timeout_ms = 5'000;
  options.timeout_ms = 300'000;  // the completion of a large upload takes its time
  options.stall_timeout_ms = 20'000;
  options.max_body_bytes = int64_t{256} << 20;
  options.max_redirects = 0;
  options.raw = true;
  return options;
}

/// "Sun, 01 Mar 2026 12:00:00 GMT"; 0 where it is none.
EventTime HttpDateUs(std::string_view text) {
  std::tm utc{};
  if (!::strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S", &utc)) return 0;
  return static_cast<EventTime>(::timegm(&utc)) * 1'000'000;
}

std::string UrlOf(const S3Call& call, const S3Settings& settings) {
  const bool own_endpoint = !settings.endpoint.empty();
  std::string base = own_endpoint ? settings.endpoint : "https://s3." + settings.region + ".amazonaws.com";
  if (base.find("://") == std::string::npos) base = "https://" + base;
  while (base.ends_with('/')) base.pop_back();
  // A bucket with dots does not fit the certificates of its hosts.
  const bool dots = call.at.bucket.find('.') != std::string::npos;
  std::string url;
  if (settings.path_style.value_or(own_endpoint || dots)) {
    url = base + "/" + AwsEncode(call.at.bucket);
  } else {
    const size_t host = base.find("://") + 3;
    url = base.substr(0, host) + call.at.bucket + "." + base.substr(host);
  }
  url += "/" + AwsEncode(call.at.key, /*keep_slash=*/true);
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    url += separator + AwsEncode(name) + "=" + AwsEncode(value);
    separator = '&';
  }
  return url;
}

std::string Remedy(int status, const std::string& code, const std::string& bucket) {
  if (code == "NoSuchBucket") return "create the bucket '" + bucket + "', or look at its name, endpoint and region";
  if (code == "SignatureDoesNotMatch") return "the secret access key does not belong to the access key id";
  if (code == "InvalidAccessKeyId") return "the store does not know this access key id: is the endpoint the right one?";
  if (code == "RequestTimeTooSkewed") return "set this machine's clock";
  if (status == 401 || status == 403) {
    return "the credentials in use need s3:GetObject, s3:ListBucket, s3:PutObject or s3:AbortMultipartUpload here";
  }
  if (status == 0) return "is the endpoint (AWS_ENDPOINT_URL, or 'endpoint' of the step) the right one, and up?";
  return "";
}

}  // namespace

bool S3Settings::operator==(const S3Settings& other) const {
  return endpoint == other.endpoint && region == other.region && path_style == other.path_style &&
         access_key_id == other.access_key_id && anonymous == other.anonymous &&
         secret_access_key.Reveal() == other.secret_access_key.Reveal();
}

Result<S3Location> ParseS3Path(const std::string& path) {
  const size_t begin = std::string_view("s3://").size();
  const size_t slash = std::min(path.find('/', begin), path.size());
  S3Location at{path.substr(begin, slash - begin), slash < path.size() ? path.substr(slash + 1) : ""};
  const bool plain = std::all_of(at.bucket.begin(), at.bucket.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  if (!path.starts_with("s3://") || at.bucket.empty() || !plain) {
    return Status::Invalid("'", path, "' is no path of S3: those are s3://BUCKET/KEY");
  }
  if (at.key.size() > 1024) return Status::Invalid("'", path, "': keys have at most 1024 bytes");
  return at;
}

bool S3Client::Configure(const std::string& bucket, const S3Settings& settings) {
  std::lock_guard lock(mutex_);
  const auto it = targets_.find(bucket);
  Target target{settings, nullptr};
  if (target.settings.endpoint.empty()) target.settings.endpoint = FindAwsEndpoint(env_, "s3");
  if (target.settings.region.empty()) target.settings.region = FindAwsRegion(env_);
  if (target.settings.region.empty()) target.settings.region = "us-east-1";
  if (it != targets_.end()) return it->second.settings == target.settings;
  if (!settings.access_key_id.empty()) {
    target.credentials =
        std::make_shared<AwsCredentialSource>(AwsCredentials{settings.access_key_id, settings.secret_access_key, ""});
  }
  targets_.emplace(bucket, std::move(target));
  return true;
}

S3Client::Target S3Client::TargetOf(const std::string& bucket) {
  {
    std::lock_guard lock(mutex_);
    const auto it = targets_.find(bucket);
    if (it != targets_.end()) return it->second;
  }
  Configure(bucket, {});
  std::lock_guard lock(mutex_);
  return targets_.at(bucket);
}

std::unique_ptr<HttpClient> S3Client::TakeConnection() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

Result<HttpAnswer> S3Client::SendOnce(const S3Call& call, const Target& target, AwsCredentials* used) {
  HttpCall http{call.method, UrlOf(call, target.settings), call.headers, call.body};
  if (!target.settings.anonymous) {
    auto& source = target.credentials ? *target.credentials : credentials_;
    WEIR_ASSIGN_OR_RETURN(*used, source.Get());
    SignAwsRequest(*used, {target.settings.region, "s3"}, env_.WallTime() + clock_offset_us_.load(), &http);
  }
  std::unique_ptr<HttpClient> connection = TakeConnection();
  if (!connection) {
    WEIR_ASSIGN_OR_RETURN(connection, HttpClient::Make(ConnectionOptions()));
  }
  auto answer = connection->Send(http);
  std::lock_guard lock(mutex_);
  if (answer.ok() && idle_.size() < kMaxIdleConnections) idle_.push_back(std::move(connection));
  return answer;
}

/// What became of one try.
struct S3Client::Failure {
  bool none = false;  // an answer that the caller wants
  bool retry = false;
  int64_t min_pause_ms = 0;
  Status status;
};

S3Client::Failure S3Client::Judge(const S3Call& call, const Target& target, const AwsCredentials& used,
                                  const Result<HttpAnswer>& answer) {
  const std::string what = "cannot " + call.action + " '" + call.at.path() + "': ";
  if (!answer.ok()) {
    const bool retry = answer.status().IsIOError() && !answer.status().message().starts_with("no AWS credentials");
    const std::string remedy = retry ? "; " + Remedy(0, "", call.at.bucket) : "";
    return {false, retry, 0, answer.status().WithMessage(what, answer.status().message(), remedy)};
  }
  const int status = answer->status;
  const std::string_view body = answer->body;
  const std::string code = status >= 300 || call.error_in_body ? XmlText(body, "Code") : "";
  const bool is_cut = status < 300 && call.expected_bytes >= 0 && call.method != "HEAD" &&
                      static_cast<int64_t>(body.size()) != call.expected_bytes;
  if (is_cut) {
    return {false, true, 0,
            Status::IOError(what, "the answer has ", body.size(), " bytes in place of ", call.expected_bytes)};
  }
  const bool lied = call.error_in_body && status < 300 && body.find("<Error>") != std::string_view::npos;
  if (status < 300 && !lied) return {.none = true};
  if ((status == 404 && code != "NoSuchBucket") || status == 409 || status == 412 || status == 416) {
    return {.none = true};
  }
  Failure out;
  const std::string remedy = Remedy(status, code, call.at.bucket);
  out.status = Status::IOError(what, "the store answers ", status, code.empty() ? "" : " ", code,
                               XmlText(body, "Message").empty() ? "" : ": ", XmlText(body, "Message"),
                               remedy.empty() ? "" : "; ", remedy);
  out.retry = IsRetryableStatus(status) || code == "InternalError" || code == "SlowDown" || code == "RequestTimeout" ||
              code == "ServiceUnavailable";
  if (code == "SlowDown" || status == 429 || status == 503) out.min_pause_ms = kSlowDownPauseMs / 2;
  if (const auto after_us = answer->retry_after_us(env_.WallTime())) {
    out.min_pause_ms = std::max(out.min_pause_ms, std::min<int64_t>(*after_us / 1000, 60'000));
  }
  // What can be mended is tried again at once.
  if (code == "ExpiredToken" || code == "ExpiredTokenException" || code == "TokenRefreshRequired") {
    (target.credentials ? *target.credentials : credentials_).Refuse(used);
    out.retry = true;
  }
  if (code == "RequestTimeTooSkewed") {
    const EventTime theirs = HttpDateUs(answer->header("date"));
    if (theirs > 0) clock_offset_us_ = theirs - env_.WallTime();
    out.retry = theirs > 0;
  }
  std::string region(answer->header("x-amz-bucket-region"));
  if (region.empty() && code == "AuthorizationHeaderMalformed") region = XmlText(body, "Region");
  if (!region.empty() && region != target.settings.region && (status == 301 || status == 307 || status == 400)) {
    std::lock_guard lock(mutex_);
    targets_[call.at.bucket].settings.region = region;
    out.retry = true;
  }
  return out;
}

Result<HttpAnswer> S3Client::Send(const S3Call& call) {
  thread_local std::mt19937_64 random(env_.RandomSeed());
  int64_t pause_ms = kFirstPauseMs;
  for (int tried = 1;; ++tried) {
    const Target target = TargetOf(call.at.bucket);
    AwsCredentials used;
    auto answer = SendOnce(call, target, &used);
    // What refuses a HEAD may not say why: it has no body. The same as a GET does.
    if (call.method == "HEAD" && answer.ok() && (answer->status == 400 || answer->status == 403)) {
      S3Call why = call;
      why.method = "GET";
      why.headers.emplace_back("Range", "bytes=0-0");
      auto explained = SendOnce(why, target, &used);
      if (!explained.ok() || explained->status >= 300) answer = std::move(explained);
    }
    const Failure failure = Judge(call, target, used, answer);
    if (failure.none) {
      reached_ = true;
      return answer;
    }
    if (!failure.retry) return failure.status;
    if (answer.ok()) reached_ = true;
    if (tried >= (reached_ ? kMaxTries : kMaxFirstTries)) {
      return Unavailable(failure.status.WithMessage(failure.status.message(), " (tried ", tried, " times)"));
    }
    // Somewhere between half the pause and all of it, so that clients that failed together do not come back together.
    const int64_t longest_ms = std::max(pause_ms, 2 * failure.min_pause_ms);
    const int64_t wait_ms = longest_ms / 2 + static_cast<int64_t>(random() % static_cast<uint64_t>(longest_ms / 2 + 1));
    // allowed: a thread that waits for the network waits in its client as well
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    pause_ms = std::min(2 * pause_ms, kMaxPauseMs);
  }
}

}  // namespace weir
