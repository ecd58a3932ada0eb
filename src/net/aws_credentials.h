// Where AWS credentials come from, in the order that every AWS tool keeps:
//
//   environment     AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   web identity    AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN (pods of Kubernetes)
//   profile         ~/.aws/credentials and ~/.aws/config; AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE
//   container       AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
//   instance        the metadata service of EC2, version 2; not with AWS_EC2_METADATA_DISABLED=true
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "env/env.h"
#include "net/aws_signature.h"

namespace weir {

/// Settings of the profile that AWS_PROFILE names ("default"): keys in lower case, those of the credentials file before
/// those of the config file. Empty where there are no files.
std::map<std::string, std::string> ReadAwsProfile(Env& env);

/// The region that environment or profile name; empty where neither does.
std::string FindAwsRegion(Env& env);

/// The endpoint for `service` ("s3"): AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, endpoint_url of the profile; else empty.
std::string FindAwsEndpoint(Env& env, const std::string& service);

/// Finds credentials when they are first needed and renews those that expire. Thread-safe.
class AwsCredentialSource {
 public:
  explicit AwsCredentialSource(Env& env) : env_(env) {}
  explicit AwsCredentialSource(AwsCredentials fixed) : env_(Env::Real()), fixed_(true), known_(std::move(fixed)) {}

  /// Errors: IOError that says where it was looked, or why a place that should have them gave none.
  Result<AwsCredentials> Get();
  /// A server says that `used` are not valid any more: the next Get asks again.
  void Refuse(const AwsCredentials& used);

 private:
  Result<std::optional<AwsCredentials>> FromWebIdentity();
  Result<std::optional<AwsCredentials>> FromContainer();
  Result<std::optional<AwsCredentials>> FromInstance();
  Result<AwsCredentials> Find();

  Env& env_;
  const bool fixed_ = false;
  std::mutex mutex_;
  std::optional<AwsCredentials> known_;
};

}  // namespace weir
