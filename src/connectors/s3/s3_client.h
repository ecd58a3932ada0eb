// S3Client: signed requests to an S3-compatible store, tried again as long as that may help.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "net/aws_credentials.h"
#include "net/http_client.h"

namespace weir {

/// Where a bucket is and how it is asked; what is not set comes from environment and profile.
struct S3Settings {
  std::string endpoint;  // "http://127.0.0.1:9000"; empty: that of AWS for the region
  std::string region;
  std::optional<bool> path_style;  // the bucket in the path and not in the host; by default where there is an endpoint
  std::string access_key_id;
  Secret<std::string> secret_access_key;
  bool anonymous = false;  // requests are not signed: public buckets
  bool operator==(const S3Settings& other) const;
};

struct S3Location {
  std::string bucket, key;
  std::string path() const { return "s3://" + bucket + "/" + key; }
};

/// Errors: Invalid where `path` is not s3://BUCKET[/KEY].
Result<S3Location> ParseS3Path(const std::string& path);

struct S3Call {
  std::string action;  // for messages: "read"
  std::string method = "GET";
  S3Location at;
  std::vector<std::pair<std::string, std::string>> query;  // not encoded
  HttpHeaders headers;
  std::string_view body;
  int64_t expected_bytes = -1;  // of the answer's body; one of another length was cut
  bool error_in_body = false;   // an answer 200 may hold an error: it was begun before the work was done
};

/// Thread-safe. Connections are kept and shared by all threads.
class S3Client {
 public:
  explicit S3Client(Env& env) : env_(env), credentials_(env) {}

  /// What `settings` says holds for `bucket`. False where the bucket has other settings already.
  bool Configure(const std::string& bucket, const S3Settings& settings);

  /// Answers 2xx, and 404, 409, 412 and 416, which the caller knows what to do with. Others, and no answer at all, are
  /// tried again with growing pauses where that may help: 408, 429, 5xx, SlowDown, cut answers, expired credentials, a
  /// wrong region, a wrong clock. Errors: IOError with the path, what the store said, and the remedy.
  Result<HttpAnswer> Send(const S3Call& call);

 private:
  struct Target {
    S3Settings settings;
    std::shared_ptr<AwsCredentialSource> credentials;
  };
  struct Failure;

  Target TargetOf(const std::string& bucket);
  Result<HttpAnswer> SendOnce(const S3Call& call, const Target& target, AwsCredentials* used);
  Failure Judge(const S3Call& call, const Target& target, const AwsCredentials& used, const Result<HttpAnswer>& answer);
  std::unique_ptr<HttpClient> TakeConnection();

  Env& env_;
  AwsCredentialSource credentials_;
  std::atomic<int64_t> clock_offset_us_{0};  // the servers' clock less ours
  std::atomic<bool> reached_{false};         // some answer came
  std::mutex mutex_;
  std::map<std::string, Target> targets_;  // by bucket
  std::vector<std::unique_ptr<HttpClient>> idle_;
};

}  // namespace weir
