// Signature Version 4: how requests to S3, DynamoDB and other AWS services, and to those that speak like them, say who
// sends them. (AWS General Reference, "Signature Version 4 signing process".)
#pragma once

#include <string>
#include <string_view>

#include "base/event_time.h"
#include "base/secret.h"
#include "net/http_client.h"

namespace weir {

struct AwsCredentials {
  std::string access_key_id;
  Secret<std::string> secret_access_key;
  std::string session_token;             // empty: none
  EventTime expires_us = kMaxEventTime;  // when others must be asked for
};

struct AwsScope {
  std::string region;   // "eu-west-1"
  std::string service;  // "s3", "dynamodb"
};

/// Adds x-amz-date, x-amz-content-sha256, x-amz-security-token and Authorization to `call`. Everything else must be
/// there: the URL with path and query encoded by AwsEncode, the body, headers. Signed are Host, Content-Type and all
/// x-amz-*. `now_us` is the time of day; servers take a few minutes of difference.
void SignAwsRequest(const AwsCredentials& credentials, const AwsScope& scope, EventTime now_us, HttpCall* call);

/// Percent-encoding as the signature wants it: all but letters, digits, '-', '.', '_' and '~'; '/' is kept where
/// `keep_slash`.
std::string AwsEncode(std::string_view text, bool keep_slash = false);

}  // namespace weir
