// DynamoDbClient: requests of Amazon DynamoDB's JSON protocol, signed.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "net/aws_credentials.h"
#include "net/http_client.h"

namespace weir {

class Env;

struct DynamoDbAddress {
  std::string region;    // empty: of the environment, else us-east-1
  std::string endpoint;  // empty: of the environment, else that of the region
};

struct DynamoDbAnswer {
  int status = 0;
  std::string body;   // JSON
  std::string error;  // "ConditionalCheckFailedException"; empty where it went well
  bool ok() const { return error.empty(); }
};

/// Used by one thread at a time.
class DynamoDbClient {
 public:
  /// Errors: IOError where there is no libcurl.
  static Result<std::unique_ptr<DynamoDbClient>> Make(const DynamoDbAddress& address, Env& env);
  /// Sends one request: `operation` as "PutItem", `body` its JSON. An answer that says what is wrong is an answer, but
  /// for what may pass: IOError when the server is busy, throttles, or does not answer.
  Result<DynamoDbAnswer> Call(const std::string& operation, const std::string& body);
  /// What the server says of an error, as a Status that is Invalid.
  static Status ErrorOf(const DynamoDbAnswer& answer);

 private:
  DynamoDbClient(std::string endpoint, std::string region, std::unique_ptr<HttpClient> http, Env& env)
      : endpoint_(std::move(endpoint)),
        region_(std::move(region)),
        http_(std::move(http)),
        env_(env),
        credentials_(env) {}

  const std::string endpoint_, region_;
  const std::unique_ptr<HttpClient> http_;
  Env& env_;
  AwsCredentialSource credentials_;
};

}  // namespace weir
